#pragma once
// A conversation as the whole text that the model reads, word for word as the family's template writes it
// (docs/facts/ollama_wire.md#prompts). Content is neutralised, so that all control tokens in it are ours.

#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"

namespace corral::chat {

// `messages`: settled; a last assistant message stays open. `default_system` is for a request without a
// system text; `tools` null or an array.
[[nodiscard]] rendered_prompt verbatim_prompt(const family& format, const std::vector<message>& messages,
                                              std::string_view default_system,
                                              const nlohmann::ordered_json& tools, bool thinking);

}  // namespace corral::chat
