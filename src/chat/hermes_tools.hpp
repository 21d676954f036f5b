#pragma once
// Tools as the Hermes convention writes them, word for word the templates' text
// (docs/facts/ollama_wire.md#prompts). Nothing is neutralised here.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/chat/generation_request.hpp"

namespace corral::chat {

// The part of the system text that declares `tools`, a not empty array; without the blank line before it.
[[nodiscard]] std::string hermes_definitions(const nlohmann::ordered_json& tools);

[[nodiscard]] std::string hermes_call(const tool_call& call);
[[nodiscard]] std::string hermes_result(std::string_view content);

}  // namespace corral::chat
