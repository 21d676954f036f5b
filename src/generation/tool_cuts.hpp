#pragma once
// Which tools of a request that is too long stay, and how much of their definitions (docs/long_prompts.md#tools). Pure.

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/chat/generation_request.hpp"

namespace corral::generation {

struct tool_cuts {
    std::size_t tools = 0;
    std::size_t descriptions = 0;  // tools with shortened descriptions
};

[[nodiscard]] std::size_t tool_bytes(const nlohmann::ordered_json& tools);

// Leaves tools of `room` bytes at most: all of them where their signatures have room, else those that fit the
// conversation best. Null where none is left. One of those that are `demanded` stays in any case, and where there is
// only one the others go before it is shortened: no call of them can be the answer.
[[nodiscard]] tool_cuts cut_tools(nlohmann::ordered_json& tools,
                                  const std::vector<chat::message>& conversation, std::size_t room,
                                  const std::vector<std::string>& demanded = {});

}  // namespace corral::generation
