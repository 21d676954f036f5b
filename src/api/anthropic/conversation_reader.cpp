#include "api/anthropic/messages_request.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_writer.hpp"
#include "api/models/image_reader.hpp"
#include "api/request_start.hpp"
#include "corral/core/base64.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::anthropic {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t max_messages = 10'000;

// A member of a block; nullptr when it is not there. Keys inside blocks are exact.
const ordered_json* member(const ordered_json& block, const char* key) {
    const auto found = block.find(key);
    return found == block.end() || found->is_null() ? nullptr : &*found;
}

bool is_type(const ordered_json& block, std::string_view type) {
    return core::text_at(block, "type") == type;
}

// Go's word for what stands where a content is wanted.
std::string go_type_at(const ordered_json* value) {
    return value == nullptr ? "<nil>" : std::string(go_type_of(*value));
}

class conversation_reader {
public:
    explicit conversation_reader(decode_problem& problem) : problem_(problem) {}

    void read_system(const ordered_json* value);
    void read_message(const json_fields& fields);
    [[nodiscard]] conversation take() { return std::move(out_); }
    [[nodiscard]] std::size_t size() const noexcept { return out_.messages.size(); }

private:
    void read_blocks(chat::role role, const ordered_json& blocks);
    // What a block adds to the turn it stands in, or to the results before it.
    void read_block(const ordered_json& block, chat::message& turn, std::vector<chat::message>& results);
    void read_image(const ordered_json& block, chat::message& message);
    void read_document(const ordered_json& block, chat::message& message);
    // The member "content": a text, or blocks of text, images and documents.
    void read_content(const ordered_json& of, chat::message& message);
    void read_call(const ordered_json& block, chat::message& turn);
    void skip(const ordered_json& block);
    [[nodiscard]] chat::message read_result(const ordered_json& block);
    void add(chat::message message) { out_.messages.push_back(std::move(message)); }
    [[nodiscard]] chat::role read_role(const json_fields& fields);

    decode_problem& problem_;
    conversation out_;
    std::map<std::string, std::string> called_;  // names of tools by the ids of their calls
};

chat::role conversation_reader::read_role(const json_fields& fields) {
    const std::string role = core::lower_case(fields.text("role").value_or(""));
    out_.bytes += role.size();
    if (role == "assistant") {
        return chat::role::assistant;
    }
    return role == "system" ? chat::role::system
                            : chat::role::user;  // as elsewhere an unknown role is a user's
}

void conversation_reader::read_system(const ordered_json* value) {
    if (value == nullptr) {
        return;
    }
    chat::message system;
    system.from = chat::role::system;
    if (value->is_string()) {
        system.content = value->get<std::string>();
    } else if (value->is_array()) {
        for (const ordered_json& block : *value) {
            if (block.is_object() && is_type(block, "text")) {
                system.content += core::text_at(block, "text");
            }
        }
    } else {
        problem_.set(core::say("request.message-form/invalid", go_type_at(value)));
    }
    out_.bytes += system.content.size();
    if (!system.content.empty()) {
        add(std::move(system));
    }
}

void conversation_reader::read_message(const json_fields& fields) {
    const chat::role role = read_role(fields);
    const ordered_json* content = fields.find("content");
    if (content != nullptr && content->is_array()) {
        read_blocks(role, *content);
        return;
    }
    if (content == nullptr || !content->is_string()) {
        problem_.set(core::say("request.message-form/message", go_type_at(content)));
        return;
    }
    chat::message turn;
    turn.from = role;
    turn.content = content->get<std::string>();
    out_.bytes += turn.content.size();
    add(std::move(turn));
}

// The results of tools come before the text that a person may have added to them.
void conversation_reader::read_blocks(chat::role role, const ordered_json& blocks) {
    chat::message turn;
    turn.from = role;
    std::vector<chat::message> results;
    for (const ordered_json& block : blocks) {
        if (!block.is_object()) {
            problem_.set(core::say("request.message-form/content"));
            return;
        }
        read_block(block, turn, results);
    }
    out_.bytes += turn.content.size() + turn.thinking.size();
    for (chat::message& result : results) {
        out_.bytes += result.content.size();
        add(std::move(result));
    }
    if (!turn.content.empty() || !turn.thinking.empty() || !turn.calls.empty() || !turn.images.empty()) {
        add(std::move(turn));
    }
}

void conversation_reader::read_block(const ordered_json& block, chat::message& turn,
                                     std::vector<chat::message>& results) {
    if (is_type(block, "text")) {
        turn.content += core::text_at(block, "text");
    } else if (is_type(block, "thinking")) {
        turn.thinking += core::text_at(block, "thinking");
    } else if (is_type(block, "image")) {
        read_image(block, turn);
    } else if (is_type(block, "document")) {
        read_document(block, turn);
    } else if (is_type(block, "tool_use")) {
        read_call(block, turn);
    } else if (is_type(block, "tool_result")) {
        results.push_back(read_result(block));
    } else if (!is_type(block, "redacted_thinking")) {
        skip(block);
    }
}

// Ollama skips it too. Without a word a document that was sent would pass for one that was read.
void conversation_reader::skip(const ordered_json& block) {
    constexpr std::size_t most = 8;
    constexpr std::size_t longest = 40;
    std::string name = "content." + core::text_at(block, "type").substr(0, longest);
    if (out_.unused.size() < most && std::ranges::find(out_.unused, name) == out_.unused.end()) {
        out_.unused.push_back(std::move(name));
    }
}

void conversation_reader::read_image(const ordered_json& block, chat::message& message) {
    const ordered_json* source = member(block, "source");
    if (source == nullptr || !source->is_object()) {
        problem_.set(core::say("request.image-form/invalid"));
        return;
    }
    const std::string type = core::text_at(*source, "type");
    if (type != "base64") {
        problem_.set(core::say("request.image-form/image", echo_of(type)));
        return;
    }
    const ordered_json* data = member(*source, "data");
    const std::string_view base64 = data != nullptr && data->is_string()
                                        ? std::string_view(data->get_ref<const std::string&>())
                                        : std::string_view();
    if (const auto at = core::base64_error(base64)) {
        problem_.set(core::say("request.image-form/base", *at));
        return;
    }
    out_.has_images = true;
    add_image(base64, message, problem_);
}

// Ollama skips those too. The frame is the one that Anthropic recommends for prompts with documents.
void conversation_reader::read_document(const ordered_json& block, chat::message& message) {
    const ordered_json* source = member(block, "source");
    const std::string type = source != nullptr ? core::text_at(*source, "type") : std::string();
    if (type != "text" && type != "content") {
        skip(block);  // a PDF
        return;
    }
    message.content += message.content.empty() ? "<document>\n" : "\n<document>\n";
    if (const std::string title = core::text_at(block, "title"); !title.empty()) {
        message.content += "<source>" + title + "</source>\n";
    }
    if (const std::string context = core::text_at(block, "context"); !context.empty()) {
        message.content += "<context>" + context + "</context>\n";
    }
    message.content += "<document_content>\n" + core::text_at(*source, "data");
    read_content(*source, message);
    message.content += "\n</document_content>\n</document>\n";
}

void conversation_reader::read_call(const ordered_json& block, chat::message& turn) {
    for (const char* key : {"id", "name"}) {
        if (core::text_at(block, key).empty()) {
            problem_.set(core::say("request.message-form/tool", key));
            return;
        }
    }
    chat::tool_call call;
    call.id = core::text_at(block, "id");
    call.name = core::text_at(block, "name");
    const ordered_json* input = member(block, "input");
    call.arguments = input != nullptr && input->is_object() ? *input : ordered_json::object();
    json_writer written;
    written.tree(call.arguments);
    out_.bytes += call.name.size() + written.take().size();
    called_[call.id] = call.name;
    turn.calls.push_back(std::move(call));
}

chat::message conversation_reader::read_result(const ordered_json& block) {
    chat::message result;
    result.from = chat::role::tool;
    result.tool_call_id = core::text_at(block, "tool_use_id");
    const auto named = called_.find(result.tool_call_id);
    if (named != called_.end()) {
        result.tool_name = named->second;
    }
    read_content(block, result);
    return result;
}

void conversation_reader::read_content(const ordered_json& of, chat::message& message) {
    message.content += core::text_at(of, "content");
    const ordered_json* parts = member(of, "content");
    if (parts == nullptr || !parts->is_array()) {
        return;
    }
    for (const ordered_json& part : *parts) {
        if (!part.is_object()) {
            continue;
        }
        if (is_type(part, "text")) {
            message.content += core::text_at(part, "text");
        } else if (is_type(part, "image")) {
            read_image(part, message);
        } else if (is_type(part, "document")) {
            read_document(part, message);
        } else {
            skip(part);
        }
    }
}

void read_tool(const json_fields& tool, tool_list& tools) {
    const std::string name = tool.text("name").value_or("");
    const std::string description = tool.text("description").value_or("");
    const std::string type = tool.text("type").value_or("custom");
    const ordered_json* schema = tool.find("input_schema");
    if (schema == nullptr && type != "custom") {
        tools.unused.emplace_back("tools." + type.substr(0, 40));
        return;
    }
    if (schema != nullptr && !schema->is_object()) {
        tool.problem().set(core::say("request.field-value/invalid", go_quoted(echo_of(name))));
        return;
    }
    add_tool(tools.tools, name, description, schema);
    json_writer written;
    written.tree(tools.tools.back()["function"]["parameters"]);
    tools.bytes += name.size() + description.size() + written.take().size();
}

void read_choice(const json_fields& fields, tool_list& tools) {
    const ordered_json* choice = fields.find("tool_choice");
    if (choice == nullptr || !choice->is_object()) {
        return;
    }
    tools.one_call = core::flag_at(*choice, "disable_parallel_tool_use");
    const auto type = choice->find("type");
    if (type == choice->end() || *type == "auto") {
        return;
    }
    if (*type == "none") {
        tools.tools = nullptr;
        return;
    }
    tools.must_call = demanded_tools(tools.tools, *choice);
    if (tools.must_call.empty()) {
        tools.unused.emplace_back("tool_choice");
    }
}

}  // namespace

conversation read_conversation(const json_fields& fields) {
    conversation_reader reader(fields.problem());
    reader.read_system(fields.find("system"));
    const ordered_json* messages = fields.array("messages", "[]anthropic.MessageParam");
    if (messages == nullptr) {
        return reader.take();
    }
    for (const ordered_json& each : *messages) {
        if (!each.is_object()) {
            fields.wrong_type("messages", each, "anthropic.MessageParam");
            break;
        }
        reader.read_message(fields.inside("messages", each));
        if (reader.size() > max_messages) {
            fields.problem().set(core::say("request.too-many-parts/request", max_messages));
            break;
        }
    }
    return reader.take();
}

tool_list read_tools(const json_fields& fields) {
    tool_list out;
    if (const ordered_json* servers = fields.find("mcp_servers"); servers != nullptr && !servers->empty()) {
        out.unused.emplace_back("mcp_servers");
    }
    const ordered_json none = ordered_json::array();
    const ordered_json* tools = fields.array("tools", "[]anthropic.Tool");
    for (const ordered_json& each : tools == nullptr ? none : *tools) {
        if (!each.is_object()) {
            fields.wrong_type("tools", each, "anthropic.Tool");
            return out;
        }
        read_tool(fields.inside("tools", each), out);
    }
    read_choice(fields, out);
    return out;
}

}  // namespace corral::api::anthropic
