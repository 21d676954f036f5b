#include "chat/llama_tools.hpp"

#include "chat/json_text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

}  // namespace

std::string llama_definitions(const json& tools) {
    std::string out =
        "Given the following functions, please respond with a JSON for a function call with its proper "
        "arguments that best answers the given prompt.\n\n"
        "Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its "
        "value}.Do not use variables.";
    for (const auto& tool : tools) {
        out += "\n\n";
        out += indented_json(tool);
    }
    return out;
}

std::string llama_calls(const std::vector<tool_call>& calls) {
    std::string out;
    for (const auto& call : calls) {
        if (!out.empty()) {
            out += "; ";
        }
        const json arguments = call.arguments.is_null() ? json::object() : call.arguments;
        out += "{\"name\": " + spaced_json(json(call.name)) + ", \"parameters\": " + spaced_json(arguments) +
               "}";
    }
    return out;
}

std::string llama_result(std::string_view content) {
    return spaced_json(json(content));
}

}  // namespace corral::chat
