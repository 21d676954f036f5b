#include "chat/chat_template.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr const char* qwen_persona = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";

std::string tools_text(const json& tools) {
    std::string out =
        "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "
        "provided "
        "with function signatures within <tools></tools> XML tags:\n<tools>";
    for (const auto& tool : tools) out += "\n" + tool.dump();
    return out +
           "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
           "within "
           "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": "
           "<args-json-object>}\n</tool_call>";
}

// An image takes as many tokens whatever it shows.
std::string images_text(const json& content) {
    std::string out;
    if (content.is_array())
        for (const auto& part : content)
            if (part.is_object() && part.value("type", "") == "image_url")
                out += std::string(image_tokens, '~');
    return out;
}

std::string turn_text(const json& message) {
    const auto content = message.value("content", json());
    auto text = images_text(content) + content_text(content);
    for (const auto& call : message.value("tool_calls", json::array())) {
        const auto& function = call.at("function");
        const auto& arguments = function.at("arguments");
        if (!text.empty()) text += "\n";
        text += "<tool_call>\n{\"name\": " + function.at("name").dump() + ", \"arguments\": " +
                (arguments.is_string() ? arguments.get<std::string>() : arguments.dump()) + "}\n</tool_call>";
    }
    return text;
}

std::string turn(const std::string& role, const std::string& text) {
    return "<|im_start|>" + role + "\n" + text + "<|im_end|>\n";
}

}  // namespace

bool template_thinks(const nlohmann::json& body) {
    const auto options = body.value("chat_template_kwargs", nlohmann::json::object());
    return !options.is_object() || options.value("enable_thinking", true);
}

std::string content_text(const json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string out;
    if (content.is_array())
        for (const auto& part : content)
            if (part.is_object() && part.value("type", "") == "text") out += part.value("text", "");
    return out;
}

std::string render_chatml(const json& messages, const json& tools, const template_options& options) {
    std::string out;
    std::size_t at = 0;
    const bool has_tools = tools.is_array() && !tools.empty();
    std::string system;
    const bool has_system = !messages.empty() && messages.at(0).at("role") == "system";
    if (has_system) {
        system = content_text(messages.at(0).value("content", json()));
        at = 1;
    } else if (options.family == "qwen2.5") {
        system = qwen_persona;
    }
    if (has_system || has_tools || !system.empty())
        out += turn("system", has_tools ? system + tools_text(tools) : system);
    while (at < messages.size()) {
        const auto& message = messages.at(at);
        const auto role = message.at("role").get<std::string>();
        if (role != "tool") {
            out += turn(role, turn_text(message));
            ++at;
            continue;
        }
        std::string results;
        for (; at < messages.size() && messages.at(at).at("role") == "tool"; ++at)
            results += (results.empty() ? "<tool_response>\n" : "\n<tool_response>\n") +
                       content_text(messages.at(at).value("content", json())) + "\n</tool_response>";
        out += turn("user", results);
    }
    out += "<|im_start|>assistant\n";
    if (options.family == "qwen3" && !options.thinks) out += "<think>\n\n</think>\n\n";
    return out;
}

}  // namespace corral::sim
