#pragma once
// Tool definitions in the shape that models are told of: {"type":"function","function":{…}}.

#include <string>
#include <vector>

#include "api/json/json_fields.hpp"

namespace corral::api::openai {

struct tool_list {
    nlohmann::ordered_json tools = nullptr;  // null or a non-empty array
    std::vector<std::string> unused;         // what the client said of tools that has no effect
};

// Of /v1/chat/completions: the function is an object inside each tool.
[[nodiscard]] tool_list read_nested_tools(const json_fields& fields);

// Of /v1/responses: the function is the tool itself; a namespace holds further ones, called "namespace.name".
[[nodiscard]] tool_list read_flat_tools(const json_fields& fields);

}  // namespace corral::api::openai
