#include "api/openai/responses_request.hpp"

#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_input.hpp"
#include "api/openai/message_reader.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

std::string type_of(const json_fields& fields) {
    return fields.text("type").value_or("");
}

class input_reader {
public:
    explicit input_reader(const json_fields& fields) : fields_(fields) {}
    conversation read();

private:
    void add_item(const json_fields& item);
    void add_message(const json_fields& item);
    void add_call(const json_fields& item);
    void add_result(const json_fields& item);
    void read_content(const json_fields& item, const char* key, chat::message& to);
    void read_part(const json_fields& part, chat::message& to);
    void push(chat::message message);
    // A problem of the item that is read now.
    void refuse(const std::string& text) {
        fields_.problem().set("input[" + std::to_string(index_) + "]: " + text);
    }

    const json_fields& fields_;
    conversation out_;
    std::string thinking_;  // of the turn that is yet to come
    std::size_t index_ = 0;
};

conversation input_reader::read() {
    const ordered_json* input = fields_.find("input");
    if (input == nullptr) {
        fields_.problem().set("input is required");
    } else if (input->is_string()) {
        chat::message turn;
        turn.content = input->get<std::string>();
        push(std::move(turn));
    } else if (!input->is_array()) {
        fields_.problem().set("input must be a string or array");
    } else {
        for (const ordered_json& each : *input) {
            if (!each.is_object()) {
                fields_.wrong_type("input", each, "openai.ResponsesInputItem");
                break;
            }
            add_item(fields_.inside("input", each));
            ++index_;
        }
    }
    if (!thinking_.empty()) {
        chat::message turn;
        turn.from = chat::role::assistant;
        push(std::move(turn));
    }
    return std::move(out_);
}

void input_reader::add_item(const json_fields& item) {
    const std::string type = type_of(item);
    if (type == "message" || (type.empty() && item.find("role") != nullptr)) {
        add_message(item);
    } else if (type == "function_call") {
        add_call(item);
    } else if (type == "function_call_output") {
        add_result(item);
    } else if (type == "reasoning") {
        thinking_ = item.text("encrypted_content").value_or("");
    } else if (type != "web_search_call") {
        refuse("unknown input item type: " + go_quoted(type.substr(0, 80)));
    }
}

void input_reader::add_message(const json_fields& item) {
    chat::message turn;
    turn.from = read_role(item);
    read_content(item, "content", turn);
    push(std::move(turn));
}

void input_reader::add_call(const json_fields& item) {
    chat::tool_call call;
    call.id = item.text("call_id").value_or("");
    call.name = item.text("name").value_or("");
    const std::string arguments = item.text("arguments").value_or("");
    auto tree = read_json(arguments, {}, fields_.problem().memory);
    if (!tree) {
        const bool busy = tree.error().code == core::errc::unavailable;
        fields_.problem().set(
            (busy ? "" : "failed to parse function call arguments: ") + tree.error().message,
            busy ? 503 : 400);
        return;
    }
    if (!tree->is_object() && !tree->is_null()) {
        fields_.problem().set("failed to parse function call arguments: they are not an object");
        return;
    }
    call.arguments = tree->is_null() ? ordered_json::object() : std::move(*tree);
    const bool follows = !out_.messages.empty() && out_.messages.back().from == chat::role::assistant;
    if (!follows) {
        chat::message turn;
        turn.from = chat::role::assistant;
        push(std::move(turn));
    } else if (!thinking_.empty()) {
        out_.messages.back().thinking = std::exchange(thinking_, {});
    }
    if (!out_.messages.empty()) {
        out_.messages.back().calls.push_back(std::move(call));
    }
}

void input_reader::add_result(const json_fields& item) {
    chat::message turn;
    turn.from = chat::role::tool;
    turn.tool_call_id = item.text("call_id").value_or("");
    turn.tool_name = name_of_call(out_.messages, turn.tool_call_id);
    read_content(item, "output", turn);
    push(std::move(turn));
}

// A text, or the texts of an array of parts.
void input_reader::read_content(const json_fields& item, const char* key, chat::message& to) {
    const ordered_json* content = item.find(key);
    if (content == nullptr) {
        return;
    }
    if (content->is_string()) {
        to.content = content->get<std::string>();
        return;
    }
    if (!content->is_array()) {
        item.wrong_type(key, *content, "string");
        return;
    }
    for (const ordered_json& each : *content) {
        if (!each.is_object()) {
            item.wrong_type(key, each, "openai.ResponsesContent");
            break;
        }
        read_part(item.inside(key, each), to);
    }
}

void input_reader::read_part(const json_fields& part, chat::message& to) {
    const std::string type = type_of(part);
    if (type == "input_text" || type == "output_text") {
        to.content += part.text("text").value_or("");
    } else if (type == "refusal") {
        to.content += part.text("refusal").value_or("");
    } else if (type == "input_image") {
        const std::string address = part.text("image_url").value_or("");
        read_image(address, to, fields_.problem());
        out_.has_images = true;
    } else if (type == "input_file") {
        fields_.problem().set("file inputs are not currently supported");
    } else {
        refuse("unknown content type: " + go_quoted(type.substr(0, 80)));
    }
}

void input_reader::push(chat::message message) {
    if (out_.messages.size() >= max_messages) {
        fields_.problem().set("a request may hold at most " + std::to_string(max_messages) + " messages");
        return;
    }
    if (message.from == chat::role::assistant) {
        message.thinking = std::exchange(thinking_, {});
    }
    out_.messages.push_back(std::move(message));
}

}  // namespace

conversation read_input(const json_fields& fields) {
    return input_reader(fields).read();
}

}  // namespace corral::api::openai
