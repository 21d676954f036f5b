#pragma once
// Tool definitions in the shape that models get: {"type":"function","function":{…}}.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "api/json/json_fields.hpp"

namespace corral::api::openai {

struct tool_list {
    nlohmann::ordered_json tools = nullptr;  // null or a non-empty array
    std::vector<std::string> must_call;      // of one of these
    std::vector<std::string> unused;         // what the client said of tools that has no effect
    // Of flat ones: their names as the model knows them, and how many bytes of each are its namespace.
    std::map<std::string, std::size_t> names{};
    bool searches = false;  // `tool_search` is a search for further tools, which the client makes
};

// Of /v1/chat/completions: the function is an object inside each tool.
[[nodiscard]] tool_list read_nested_tools(const json_fields& fields);

// Of /v1/responses: the function is the tool itself; a namespace holds further ones, called "namespace.name". Adds the
// `tools` of a request, or of a search that was made; a name that is there already stays as it is.
void add_flat_tools(const json_fields& fields, tool_list& to);
// The request's `tool_choice`.
void read_choice(const json_fields& fields, tool_list& tools);
// A tool as the model knows it.
[[nodiscard]] std::string name_in(const std::string& space, const std::string& name);
inline constexpr const char* search_name = "tool_search";

}  // namespace corral::api::openai
