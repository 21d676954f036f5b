#pragma once
// Model names as Ollama writes and compares them (docs/facts/ollama_wire.md#names).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/reason.hpp"

namespace corral::catalog {

// More than all parts of a name together may have: what is longer is none, and not looked at.
inline constexpr std::size_t longest_name = 1024;

// The display form: white space around it gone, the default host and namespace left out, the tag always there
// ("Qwen3" -> "Qwen3:latest"). A final ":local" and a scheme in front of a host are dropped. Nothing when the name is not a valid one.
[[nodiscard]] std::optional<std::string> display_name(std::string_view typed);

// True when both are valid and mean the same model: case is ignored, a missing tag is "latest".
[[nodiscard]] bool same_model(std::string_view left, std::string_view right);

// "there is no model 'qwen3'; did you mean 'qwen3:4b'?", or "...; choose one of these: a, b" where none of `names` is near.
// REQUIRES: `typed` is printable.
[[nodiscard]] core::reason no_such_model(const std::string& typed, const std::vector<std::string>& names);

}  // namespace corral::catalog
