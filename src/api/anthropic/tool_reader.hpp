#pragma once
// The tools of a request in the form that models get (docs/facts/ollama_wire.md#anthropic).

#include <cstddef>
#include <string>
#include <vector>

#include "api/json/json_fields.hpp"

namespace corral::api::anthropic {

struct tool_list {
    nlohmann::ordered_json tools = nullptr;  // null, or an array of {"type":"function","function":{…}}
    std::vector<std::string> unused;         // what was asked for and can't be had, by its name on the wire
    std::size_t bytes = 0;
};

// `tools` and `tool_choice`. Tools that Anthropic's own servers would run are left out.
[[nodiscard]] tool_list read_tools(const json_fields& fields);

}  // namespace corral::api::anthropic
