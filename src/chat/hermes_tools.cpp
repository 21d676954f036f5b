#include "chat/hermes_tools.hpp"

#include "chat/json_text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

}  // namespace

std::string hermes_definitions(const json& tools) {
    std::string out =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
    for (const auto& tool : tools) {
        out += '\n';
        out += spaced_json(tool);
    }
    out +=
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n<tool_call>\n"
        "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";
    return out;
}

std::string hermes_call(const tool_call& call) {
    const json arguments = call.arguments.is_null() ? json::object() : call.arguments;
    return "<tool_call>\n{\"name\": " + spaced_json(json(call.name)) +
           ", \"arguments\": " + spaced_json(arguments) + "}\n</tool_call>";
}

std::string hermes_result(std::string_view content) {
    std::string out = "<tool_response>\n";
    out += content;
    out += "\n</tool_response>";
    return out;
}

}  // namespace corral::chat
