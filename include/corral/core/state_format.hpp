#pragma once
// Each kind of file in the state directory carries the number of its format, which only ever grows. A file of a
// higher number than this program knows is another program's: it is neither read nor replaced.

#include <filesystem>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::core {

// The number in that member of `of`; a file from before there was one has none, and counts as 1.
[[nodiscard]] bool is_newer_format(const nlohmann::json& object, const char* member, int known);
// The same of a file. False where it is not there, or no JSON object.
[[nodiscard]] bool is_newer_format(const std::filesystem::path& file, const char* member, int known);

// errc::refused, with a sentence.
[[nodiscard]] failure newer_format(const std::filesystem::path& file);

}  // namespace corral::core
