#pragma once
// Tools as Llama 3.1 to 3.3 write them, word for word the template's text
// (docs/facts/ollama_wire.md#prompts). Nothing is neutralised here.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/chat/generation_request.hpp"

namespace corral::chat {

// What declares `tools`, a not empty array; without the blank line behind it.
[[nodiscard]] std::string llama_definitions(const nlohmann::ordered_json& tools);

// The model was taught one call an answer; more are written as it writes them when it does.
[[nodiscard]] std::string llama_calls(const std::vector<tool_call>& calls);
[[nodiscard]] std::string llama_result(std::string_view content);

}  // namespace corral::chat
