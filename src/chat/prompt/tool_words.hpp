#pragma once
// The words a family has for tools, the text of the models' own templates (docs/facts/ollama_wire.md#prompts).
// Nothing is neutralised here.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::chat {

// The part of the system prompt that declares `tools`, without blank lines around it.
// REQUIRES: format.tools is not none; `tools` is a non-empty array.
[[nodiscard]] std::string tool_definitions(const family& format, const nlohmann::ordered_json& tools);

// An answer that makes calls, with the text before them where the style has a place for it.
[[nodiscard]] std::string answer_with_calls(const family& format, std::string_view content,
                                            const std::vector<tool_call>& calls);

// The result of a tool. Results in turns of their own are written in the family's style; those in the user's
// turns always carry the tags of hermes, which any model can read.
[[nodiscard]] std::string tool_result(const family& format, std::string_view content);

}  // namespace corral::chat
