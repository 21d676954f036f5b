#include "api/ollama/message_reader.hpp"

#include <string>

#include "api/models/image_reader.hpp"
#include "corral/core/base64.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::ollama {

namespace {

// What a role may be besides the four. Ollama hands any other to the model's template; here it is a user's,
// so that its text is read.
chat::role read_role(const json_fields& fields) {
    const std::string role = core::lower_case(fields.text("role").value_or(""));
    if (role == "system" || role == "developer") {
        return chat::role::system;
    }
    if (role == "assistant") {
        return chat::role::assistant;
    }
    return role == "tool" || role == "function" ? chat::role::tool : chat::role::user;
}

std::vector<chat::tool_call> read_calls(const json_fields& fields) {
    std::vector<chat::tool_call> out;
    const auto* calls = fields.array("tool_calls", "[]api.ToolCall");
    if (calls == nullptr) {
        return out;
    }
    for (const auto& each : *calls) {
        if (!each.is_object()) {
            fields.wrong_type("tool_calls", each, "api.ToolCall");
            return out;
        }
        const json_fields call = fields.inside("tool_calls", each);
        chat::tool_call read;
        read.id = call.text("id").value_or("");
        read.arguments = nlohmann::ordered_json::object();
        if (const auto* function = call.object("function", "api.ToolCallFunction")) {
            const json_fields inner = call.inside("function", *function);
            read.name = inner.text("name").value_or("");
            if (const auto* arguments = inner.object("arguments", "api.ToolCallFunctionArguments")) {
                read.arguments = *arguments;
            }
        }
        out.push_back(std::move(read));
    }
    return out;
}

// Null is what Go makes of it: a value with nothing in it.
const nlohmann::ordered_json& empty_object() {
    static const nlohmann::ordered_json empty = nlohmann::ordered_json::object();
    return empty;
}

void check_tool(const json_fields& fields, const nlohmann::ordered_json& tool) {
    if (!tool.is_object()) {
        fields.wrong_type("tools", tool, "api.Tool");
        return;
    }
    const json_fields from = fields.inside("tools", tool);
    static_cast<void>(from.text("type"));
    if (const auto* function = from.object("function", "api.ToolFunction")) {
        const json_fields inner = from.inside("function", *function);
        static_cast<void>(inner.text("name"));
        static_cast<void>(inner.text("description"));
        static_cast<void>(inner.object("parameters", "api.ToolFunctionParameters"));
    }
}

}  // namespace

bool read_images(const json_fields& fields, chat::message& message) {
    const auto* images = fields.array("images", "[]api.ImageData");
    if (images == nullptr) {
        return false;
    }
    for (const auto& each : *images) {
        if (each.is_null()) {
            continue;
        }
        if (!each.is_string()) {
            fields.wrong_type("images", each, "api.ImageData");
        } else if (const auto at = core::base64_error(each.get_ref<const std::string&>())) {
            fields.problem().set(core::say("request.image-form/illegal", *at));
        } else {
            add_image(each.get_ref<const std::string&>(), message, fields.problem());
        }
    }
    return !images->empty();
}

chat_messages read_messages(const json_fields& fields) {
    chat_messages out;
    const auto* messages = fields.array("messages", "[]api.Message");
    if (messages == nullptr) {
        return out;
    }
    if (messages->size() > max_messages) {
        fields.problem().set(core::say("request.too-many-parts/request", max_messages));
        return out;
    }
    for (const auto& one : *messages) {
        const nlohmann::ordered_json& each = one.is_null() ? empty_object() : one;
        if (!each.is_object()) {
            fields.wrong_type("messages", each, "api.Message");
            return out;
        }
        const json_fields from = fields.inside("messages", each);
        chat::message read;
        read.content = from.text("content").value_or("");
        read.thinking = from.text("thinking").value_or("");
        read.tool_name = from.text("tool_name").value_or("");
        read.tool_call_id = from.text("tool_call_id").value_or("");
        read.calls = read_calls(from);
        out.has_images = read_images(from, read) || out.has_images;
        read.from = read_role(from);
        out.all.push_back(std::move(read));
    }
    return out;
}

nlohmann::ordered_json read_tools(const json_fields& fields) {
    const auto* tools = fields.array("tools", "api.Tools");
    if (tools == nullptr || tools->empty()) {
        return nullptr;
    }
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const auto& each : *tools) {
        const nlohmann::ordered_json& tool = each.is_null() ? empty_object() : each;
        check_tool(fields, tool);
        out.push_back(tool);
    }
    return out;
}

}  // namespace corral::api::ollama
