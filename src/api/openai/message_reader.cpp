#include "api/openai/message_reader.hpp"

#include <array>
#include <utility>

#include "api/json/json_input.hpp"
#include "api/models/image_reader.hpp"
#include "api/request_start.hpp"
#include "corral/core/base64.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::openai {

namespace {

constexpr std::array<std::string_view, 5> beginnings{"data:;base64,", "data:image/jpeg;base64,",
                                                     "data:image/jpg;base64,", "data:image/png;base64,",
                                                     "data:image/webp;base64,"};

using nlohmann::ordered_json;

constexpr const char* invalid_message = "invalid message format";

ordered_json read_arguments(const std::string& text, decode_problem& problem) {
    auto tree = read_json(text, {}, problem.memory);
    if (!tree && tree.error().code == core::errc::unavailable) {
        problem.set(tree.error());
    }
    if (!tree || !(tree->is_object() || tree->is_null())) {
        problem.set(core::say("request.message-form/call"));
        return ordered_json::object();
    }
    return tree->is_null() ? ordered_json::object() : std::move(*tree);
}

std::vector<chat::tool_call> read_calls(const json_fields& fields) {
    std::vector<chat::tool_call> out;
    const ordered_json* calls = fields.array("tool_calls", "[]openai.ToolCall");
    if (calls == nullptr) {
        return out;
    }
    for (const ordered_json& each : *calls) {
        if (!each.is_object()) {
            fields.wrong_type("tool_calls", each, "openai.ToolCall");
            return out;
        }
        const json_fields call = fields.inside("tool_calls", each);
        chat::tool_call read;
        read.id = call.text("id").value_or("");
        std::string arguments;
        if (const ordered_json* function = call.object("function", "openai.ToolCallFunction")) {
            const json_fields inside = call.inside("function", *function);
            read.name = inside.text("name").value_or("");
            arguments = inside.text("arguments").value_or("");
        }
        read.arguments = read_arguments(arguments, fields.problem());
        out.push_back(std::move(read));
    }
    return out;
}

// The address of an image part: a text, or an object around it.
std::optional<std::string> image_address(const json_fields& part) {
    const ordered_json* value = part.find("image_url");
    if (value != nullptr && value->is_object()) {
        const auto url = value->find("url");
        value = url == value->end() ? nullptr : &*url;
    }
    if (value == nullptr || !value->is_string()) {
        return std::nullopt;
    }
    return value->get<std::string>();
}

bool has_sound(const json_fields& part) {
    const ordered_json* value = part.find("input_audio");
    if (value == nullptr || !value->is_object()) {
        return false;
    }
    const auto data = value->find("data");
    return data != value->end() && data->is_string() &&
           !core::base64_error(data->get_ref<const std::string&>());
}

// Reads one part into `into`, or finds the problem.
void read_part(const json_fields& part, chat::message& into, conversation& to) {
    decode_problem& problem = part.problem();
    const ordered_json* kind = part.find("type");
    const ordered_json* text = part.find("text");
    if (kind != nullptr && *kind == "text" && text != nullptr && text->is_string()) {
        into.content = text->get<std::string>();
    } else if (kind != nullptr && *kind == "image_url") {
        const std::optional<std::string> address = image_address(part);
        if (address) {
            read_image(*address, into, problem);
        } else {
            problem.set(invalid_message);
        }
        to.has_images = true;
    } else if (kind != nullptr && *kind == "input_audio" && has_sound(part)) {
        to.has_audio = true;
    } else {
        problem.set(invalid_message);
    }
}

// What belongs to the message as a whole goes with its last part.
void add_parts(const json_fields& fields, const ordered_json& parts, chat::message base, conversation& to) {
    std::vector<chat::tool_call> calls = std::move(base.calls);
    std::string thinking = std::move(base.thinking);
    base.calls.clear();
    base.thinking.clear();
    const bool empty = parts.empty();
    for (const ordered_json& each : parts) {
        if (to.messages.size() >= max_messages) {
            fields.problem().set(core::say("request.too-many-parts/messages", max_messages));
            return;
        }
        if (!each.is_object()) {
            fields.problem().set(invalid_message);
            return;
        }
        chat::message one = base;
        read_part(fields.inside("content", each), one, to);
        to.messages.push_back(std::move(one));
    }
    if (empty) {
        to.messages.push_back(std::move(base));
    }
    to.messages.back().calls = std::move(calls);
    to.messages.back().thinking = std::move(thinking);
}

void add_message(const json_fields& fields, conversation& to) {
    chat::message base;
    base.from = read_role(fields);
    base.calls = read_calls(fields);
    base.thinking = fields.text("reasoning").value_or("");
    base.tool_call_id = fields.text("tool_call_id").value_or("");
    constexpr std::size_t longest_id = 1024;  // each part of the message has a copy
    if (base.tool_call_id.size() > longest_id || fields.text("name").value_or("").size() > longest_id) {
        fields.problem().set(core::say("request.message-form/name", longest_id));
        return;
    }
    if (base.from == chat::role::tool) {
        base.tool_name = fields.text("name").value_or("");
        if (base.tool_name.empty()) {
            base.tool_name = name_of_call(to.messages, base.tool_call_id);
        }
    }
    const ordered_json* content = fields.find("content");
    if (content != nullptr && content->is_array()) {
        add_parts(fields, *content, std::move(base), to);
        return;
    }
    if (content != nullptr && content->is_string()) {
        base.content = content->get<std::string>();
    } else if (fields.find("tool_calls") == nullptr) {
        const std::string_view type = content == nullptr ? "<nil>" : go_type_of(*content);
        fields.problem().set(core::say("request.message-form/message", type));
    }
    to.messages.push_back(std::move(base));
}

}  // namespace

void read_image(std::string_view url, chat::message& message, decode_problem& problem) {
    if (url.starts_with("http://") || url.starts_with("https://")) {
        problem.set(core::say("request.image-form/urls"));
        return;
    }
    for (const std::string_view beginning : beginnings) {
        if (url.starts_with(beginning) && !core::base64_error(url.substr(beginning.size()))) {
            add_image(url.substr(beginning.size()), message, problem);
            return;
        }
    }
    problem.set(core::say("request.image-form/input"));
}

chat::role read_role(const json_fields& fields) {
    const std::string role = core::lower_case(fields.text("role").value_or(""));
    if (role == "assistant") {
        return chat::role::assistant;
    }
    if (role == "tool" || role == "function") {
        return chat::role::tool;
    }
    // An unknown role is a user's, as in Ollama's format.
    return role == "system" || role == "developer" ? chat::role::system : chat::role::user;
}

std::string name_of_call(const std::vector<chat::message>& messages, std::string_view id) {
    if (id.empty()) {
        return {};
    }
    for (auto each = messages.rbegin(); each != messages.rend(); ++each) {
        for (const chat::tool_call& call : each->calls) {
            if (call.id == id) {
                return call.name;
            }
        }
    }
    return {};
}

conversation read_messages(const json_fields& fields) {
    conversation out;
    const ordered_json* messages = fields.array("messages", "[]openai.Message");
    if (messages == nullptr) {
        return out;
    }
    for (const ordered_json& each : *messages) {
        if (!each.is_object()) {
            fields.wrong_type("messages", each, "openai.Message");
            return out;
        }
        if (out.messages.size() >= max_messages) {
            fields.problem().set(core::say("request.too-many-parts/request", max_messages));
            return out;
        }
        add_message(fields.inside("messages", each), out);
    }
    return out;
}

}  // namespace corral::api::openai
