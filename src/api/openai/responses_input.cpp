#include "api/openai/responses_request.hpp"

#include <optional>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_input.hpp"
#include "api/openai/message_reader.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

std::string type_of(const json_fields& fields) {
    return fields.text("type").value_or("");
}

class input_reader {
public:
    input_reader(const json_fields& fields, tool_list& tools) : fields_(fields), tools_(tools) {}
    responses_input read();

private:
    void add_item(const json_fields& item);
    void add_message(const json_fields& item);
    void add_call(const json_fields& item);
    void add_call(chat::tool_call call);
    void add_result(const json_fields& item);
    void add_search(const json_fields& item);
    void add_found(const json_fields& item);
    nlohmann::json add_tools(const json_fields& item);
    [[nodiscard]] std::optional<std::string> search_id(const json_fields& item, const std::string& type);
    void read_content(const json_fields& item, const char* key, chat::message& message);
    void read_part(const json_fields& part, chat::message& message);
    void push(chat::message message);
    // A problem of the item that is read now.
    void refuse(const std::string& text) {
        fields_.problem().set("input[" + std::to_string(index_) + "]: " + text);
    }

    const json_fields& fields_;
    tool_list& tools_;
    responses_input out_;
    std::string thinking_;  // of the turn that is yet to come
    std::size_t index_ = 0;
};

responses_input input_reader::read() {
    const ordered_json* input = fields_.find("input");
    if (input == nullptr) {
        fields_.problem().set(core::say("request.message-form/input-required"));
    } else if (input->is_string()) {
        chat::message turn;
        turn.content = input->get<std::string>();
        push(std::move(turn));
    } else if (!input->is_array()) {
        fields_.problem().set(core::say("request.message-form/string"));
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
    if (out_.wants_compaction) {
        fields_.problem().set(core::say("request.message-form/trigger"));
    } else if (type == "message" || type == "agent_message" ||
               (type.empty() && item.find("role") != nullptr)) {
        add_message(item);
    } else if (type == "function_call") {
        add_call(item);
    } else if (type == "function_call_output") {
        add_result(item);
    } else if (type == "tool_search_call") {
        add_search(item);
    } else if (type == "tool_search_output") {
        add_found(item);
    } else if (type == "additional_tools") {
        add_tools(item);
    } else if (type == "compaction") {
        for (chat::message& each : read_compaction(item)) {
            push(std::move(each));
        }
    } else if (type == "compaction_trigger") {
        out_.wants_compaction = true;
    } else if (type == "reasoning") {
        thinking_ = item.text("encrypted_content").value_or("");
    } else if (type != "web_search_call") {
        refuse(core::say("request.message-form/unknown", go_quoted(echo_of(type))));
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
    call.name = name_in(item.text("namespace").value_or(""), item.text("name").value_or(""));
    const std::string arguments = item.text("arguments").value_or("");
    auto tree = read_json(arguments, {}, fields_.problem().memory);
    if (!tree) {
        if (tree.error().code == core::errc::unavailable) {
            fields_.problem().set(tree.error());
        } else {
            fields_.problem().set(core::say("request.message-form/arguments", tree.error()));
        }
        return;
    }
    if (!tree->is_object() && !tree->is_null()) {
        fields_.problem().set(core::say("request.message-form/failed"));
        return;
    }
    call.arguments = tree->is_null() ? ordered_json::object() : std::move(*tree);
    add_call(std::move(call));
}

void input_reader::add_call(chat::tool_call call) {
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
    if (item.find("call_id") == nullptr) {
        const std::string name = item.text("name").value_or("");
        turn.tool_name = name_in(item.text("namespace").value_or(""), name);
        if (core::trimmed(name).empty()) {
            refuse(core::say("request.message-form/function"));
        }
    } else if (turn.tool_call_id.empty()) {
        refuse(core::say("request.message-form/output"));
    } else {
        turn.tool_name = name_of_call(out_.messages, turn.tool_call_id);
    }
    read_content(item, "output", turn);
    push(std::move(turn));
}

// Nothing for a search that a server made: what it found is in what follows.
std::optional<std::string> input_reader::search_id(const json_fields& item, const std::string& type) {
    const std::string execution = item.text("execution").value_or("client");
    std::string id = item.text("call_id").value_or("");
    if (execution == "server") {
        return std::nullopt;
    }
    if (execution != "client") {
        refuse(core::say("request.message-form/execution", type, go_quoted(echo_of(execution))));
    } else if (id.empty()) {
        refuse(core::say("request.message-form/client", type));
    }
    return id;
}

void input_reader::add_search(const json_fields& item) {
    const ordered_json* arguments = item.find("arguments");
    if (arguments == nullptr || !arguments->is_object()) {
        refuse(core::say("request.message-form/search"));
    } else if (auto id = search_id(item, "tool_search_call")) {
        add_call(chat::tool_call{*std::move(id), search_name, *arguments});
    }
}

// Those of the item can be called from now on. The answer is their definitions.
nlohmann::json input_reader::add_tools(const json_fields& item) {
    tool_list found;
    add_flat_tools(item, found);
    tools_.searches = tools_.searches || found.searches;
    nlohmann::json shown = nlohmann::json::array();
    for (ordered_json& each : found.tools) {
        nlohmann::json function = each["function"];
        function["type"] = "function";
        shown.push_back(std::move(function));
        const std::string name = each["function"].value("name", "");
        if (tools_.names.emplace(name, found.names[name]).second) {
            tools_.tools.push_back(std::move(each));
        }
    }
    return shown;
}

// The tools that were found are the result that the model sees.
void input_reader::add_found(const json_fields& item) {
    auto id = search_id(item, "tool_search_output");
    const nlohmann::json shown = add_tools(item);
    if (id) {
        chat::message turn;
        turn.from = chat::role::tool;
        turn.tool_name = search_name;
        turn.tool_call_id = *std::move(id);
        turn.content = shown.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        push(std::move(turn));
    }
}

// A text, or the texts of an array of parts.
void input_reader::read_content(const json_fields& item, const char* key, chat::message& message) {
    const ordered_json* content = item.find(key);
    if (content == nullptr) {
        return;
    }
    if (content->is_string()) {
        message.content = content->get<std::string>();
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
        read_part(item.inside(key, each), message);
    }
}

void input_reader::read_part(const json_fields& part, chat::message& message) {
    const std::string type = type_of(part);
    if (type == "input_text" || type == "output_text") {
        message.content += part.text("text").value_or("");
    } else if (type == "encrypted_content") {
        message.content += part.text("encrypted_content").value_or("");  // plain, as this server's own are
    } else if (type == "refusal") {
        message.content += part.text("refusal").value_or("");
    } else if (type == "input_image") {
        const std::string address = part.text("image_url").value_or("");
        read_image(address, message, fields_.problem());
        out_.has_images = true;
    } else if (type == "input_file") {
        fields_.problem().set(core::say("request.not-built/file"));
    } else {
        refuse(core::say("request.message-form/type", go_quoted(echo_of(type))));
    }
}

void input_reader::push(chat::message message) {
    if (out_.messages.size() >= max_messages) {
        fields_.problem().set(core::say("request.too-many-parts/request", max_messages));
        return;
    }
    if (message.from == chat::role::assistant) {
        message.thinking = std::exchange(thinking_, {});
    }
    out_.messages.push_back(std::move(message));
}

}  // namespace

responses_input read_input(const json_fields& fields, tool_list& tools) {
    return input_reader(fields, tools).read();
}

}  // namespace corral::api::openai
