#pragma once
// What a family writes about tools, by its style. Nothing is neutralised here.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::chat {

// REQUIRES: in.tools is not none; `tools` is a not empty array.
[[nodiscard]] std::string tool_definitions(const family& in, const nlohmann::ordered_json& tools);

// An answer that makes calls, with the text before them where the style has a place for it.
[[nodiscard]] std::string answer_with_calls(const family& in, std::string_view content,
                                            const std::vector<tool_call>& calls);

// What a tool said. Results in turns of their own are written by the style; those that speak as the user are
// always in the tags of hermes, which any model can read.
[[nodiscard]] std::string tool_result(const family& in, std::string_view content);

}  // namespace corral::chat
