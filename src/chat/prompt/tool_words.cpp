#include "chat/prompt/tool_words.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "chat/json/json_text.hpp"
#include "corral/chat/render.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

json arguments_of(const tool_call& call) {
    return call.arguments.is_null() ? json::object() : call.arguments;
}

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
    return "<tool_call>\n{\"name\": " + spaced_json(json(call.name)) +
           ", \"arguments\": " + spaced_json(arguments_of(call)) + "}\n</tool_call>";
}

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

// The model was taught one call an answer; several are written as it writes them when it does.
std::string llama_calls(const std::vector<tool_call>& calls) {
    std::string out;
    for (const auto& call : calls) {
        if (!out.empty()) {
            out += "; ";
        }
        out += "{\"name\": " + spaced_json(json(call.name)) +
               ", \"parameters\": " + spaced_json(arguments_of(call)) + "}";
    }
    return out;
}

}  // namespace

std::string tool_definitions(const family& format, const json& tools) {
    return format.tools == tool_style::llama_json ? llama_definitions(tools) : hermes_definitions(tools);
}

std::string answer_with_calls(const family& format, std::string_view content,
                              const std::vector<tool_call>& calls) {
    if (format.tools == tool_style::llama_json && !calls.empty()) {
        return llama_calls(calls);
    }
    std::string out(content);
    for (const auto& call : calls) {
        if (!out.empty()) {
            out += '\n';
        }
        out += hermes_call(call);
    }
    return out;
}

std::string tool_result(const family& format, std::string_view content) {
    return format.tool_header.empty() ? "<tool_response>\n" + std::string(content) + "\n</tool_response>"
                                      : spaced_json(json(content));
}

forced_call force_call(const family& format, const json& tools, const std::vector<std::string>& names) {
    const bool llama = format.tools == tool_style::llama_json;
    const std::string key = llama ? "parameters" : "arguments";
    forced_call out;
    out.begun = llama ? "{\"name\": " : "<tool_call>\n{\"name\": ";
    out.begun += names.size() == 1 ? spaced_json(json(names.front())) + ", \"" + key + "\":" : "\"";
    json calls = json::array();
    for (const json& tool : tools) {
        const json& function = tool.at("function");
        const std::string name = function.at("name");
        if (std::ranges::find(names, name) == names.end()) {
            continue;
        }
        json arguments = function.at("parameters");
        // References count from the root of the whole schema.
        for (const char* const shared : {"$defs", "definitions"}) {
            if (const auto found = arguments.find(shared); found != arguments.end() && found->is_object()) {
                out.schema[shared].update(*found);
            }
        }
        calls.push_back({{"type", "object"},
                         {"properties", {{"name", {{"const", name}}}, {key, std::move(arguments)}}},
                         {"required", {"name", key}},
                         {"additionalProperties", false}});
    }
    out.schema.update(calls.size() == 1 ? calls.front() : json{{"anyOf", std::move(calls)}});
    return out;
}

}  // namespace corral::chat
