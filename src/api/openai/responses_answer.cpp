#include "api/openai/responses_answer.hpp"

#include <algorithm>
#include <utility>

#include "api/add_header.hpp"
#include "api/failure_status.hpp"
#include "api/openai/error_reply.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

// REQUIRES: the depth of `value` was bounded when it was read.
void write_sorted(json_writer& json, const ordered_json& value) {
    if (value.is_array()) {
        json.begin_array();
        for (const ordered_json& each : value) {
            write_sorted(json, each);
        }
        json.end_array();
        return;
    }
    if (!value.is_object()) {
        json.tree(value);
        return;
    }
    std::vector<std::pair<std::string_view, const ordered_json*>> members;
    for (auto each = value.begin(); each != value.end(); ++each) {
        members.emplace_back(each.key(), &each.value());
    }
    std::ranges::sort(members);
    json.begin_object();
    for (const auto& [name, inner] : members) {
        json.key(name);
        write_sorted(json, *inner);
    }
    json.end_object();
}

// A content part's place; a message has one.
ordered_json part_fields() {
    ordered_json out = ordered_json::object();
    out["content_index"] = 0;
    return out;
}

ordered_json summary_fields() {
    ordered_json out = ordered_json::object();
    out["summary_index"] = 0;
    return out;
}

}  // namespace

responses_answer::responses_answer(std::string typed, response_echo echo, core::random_source& random)
    : event_format(std::move(typed)), response_(model(), std::move(echo), random) {}

http::response_head responses_answer::head() {
    http::response_head out = event_format::head();
    add_header(out.headers, "Cache-Control", "no-cache");
    return out;
}

std::string responses_answer::opening() {
    std::string out = whole_event("response.created", response_status::in_progress, nullptr, {});
    out += whole_event("response.in_progress", response_status::in_progress, nullptr, {});
    return out;
}

std::string responses_answer::encode(chat::generation_event& event) {
    if (response_.compaction() != nullptr && !std::holds_alternative<chat::failed_event>(event)) {
        return summary_piece(event);
    }
    if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
        return thinking_piece(thinking->text);
    }
    if (const auto* text = std::get_if<chat::text_event>(&event)) {
        return text_piece(text->text);
    }
    if (const auto* call = std::get_if<chat::tool_call_event>(&event)) {
        return call_events(call->call);
    }
    if (const auto* end = std::get_if<chat::finished_event>(&event)) {
        return last(*end);
    }
    return failure(std::get<chat::failed_event>(event));
}

std::string responses_answer::summary_piece(const chat::generation_event& event) {
    if (const auto* text = std::get_if<chat::text_event>(&event)) {
        text_ += text->text;
    }
    const auto* end = std::get_if<chat::finished_event>(&event);
    if (end == nullptr) {
        return keep_alive();
    }
    ordered_json item = compaction_item(*response_.compaction(), text_);
    ordered_json added = ordered_json::object();
    added["output_index"] = 0;
    added["item"] = item;
    std::string out = this->event("response.output_item.added", std::move(added));
    out += item_done(std::move(item));
    return out + whole_event("response.completed", response_status::completed, &end->usage, {});
}

std::string responses_answer::whole(const whole_answer& answer, const chat::finished_event& end) {
    if (response_.compaction() != nullptr) {
        json_writer json;
        json.tree(response_.compacted(answer.text, end.usage));
        return json.take() + "\n";
    }
    ordered_json output = ordered_json::array();
    if (!answer.thinking.empty()) {
        output.push_back(response_.reasoning_item(answer.thinking));
    }
    for (std::size_t i = 0; i < answer.calls.size(); ++i) {
        output.push_back(response_.call_item(i, answer.calls[i], true));
    }
    const bool cut = response_.was_cut(end);
    if (answer.calls.empty()) {
        output.push_back(response_.message_item(answer.text, cut));
    }
    json_writer json;
    json.tree(response_.build(cut ? response_status::incomplete : response_status::completed, output,
                              &end.usage, {}));
    std::string out = json.take();
    out += '\n';
    return out;
}

std::string responses_answer::event(const char* type, ordered_json fields) {
    fields["type"] = type;
    fields["sequence_number"] = next_number_++;
    json_writer json;
    write_sorted(json, fields);
    std::string out = "event: ";
    out.append(type).append("\n").append(data_event(json.take()));
    return out;
}

std::string responses_answer::item_event(const char* type, const std::string& item, ordered_json fields) {
    fields["item_id"] = item;
    fields["output_index"] = output_.size();
    return event(type, std::move(fields));
}

std::string responses_answer::whole_event(const char* type, response_status status,
                                          const chat::token_usage* usage, std::string_view error) {
    ordered_json fields = ordered_json::object();
    fields["response"] = response_.build(status, output_, usage, error);
    return event(type, std::move(fields));
}

// Only thinking before the answer has an item to go to.
std::string responses_answer::thinking_piece(const std::string& piece) {
    if (answered_) {
        return keep_alive();
    }
    std::string out;
    if (open_ != open_item::reasoning) {
        out = open_reasoning();
    }
    text_ += piece;
    ordered_json fields = summary_fields();
    fields["delta"] = piece;
    out += item_event("response.reasoning_summary_text.delta", response_.reasoning_id(), std::move(fields));
    return out;
}

std::string responses_answer::text_piece(const std::string& piece) {
    if (calls_ > 0) {
        return keep_alive();
    }
    std::string out;
    if (open_ != open_item::message) {
        out = close_item();
        out += open_message();
    }
    text_ += piece;
    ordered_json fields = part_fields();
    fields["delta"] = piece;
    fields["logprobs"] = ordered_json::array();
    out += item_event("response.output_text.delta", response_.message_id(), std::move(fields));
    return out;
}

std::string responses_answer::call_events(const chat::tool_call& call) {
    std::string out = close_item();
    answered_ = true;
    const std::size_t index = calls_++;
    const std::string id = response_.call_id(index);
    const std::string arguments = arguments_text(call);
    ordered_json added = ordered_json::object();
    added["output_index"] = output_.size();
    added["item"] = response_.call_item(index, call, false);
    out += event("response.output_item.added", std::move(added));
    if (!response_.is_search(call)) {
        ordered_json delta = ordered_json::object();
        delta["delta"] = arguments;
        out += item_event("response.function_call_arguments.delta", id, std::move(delta));
        ordered_json done = ordered_json::object();
        done["arguments"] = arguments;
        out += item_event("response.function_call_arguments.done", id, std::move(done));
    }
    out += item_done(response_.call_item(index, call, true));
    return out;
}

std::string responses_answer::open_reasoning() {
    open_ = open_item::reasoning;
    ordered_json item = ordered_json::object();
    item["id"] = response_.reasoning_id();
    item["type"] = "reasoning";
    item["summary"] = ordered_json::array();
    ordered_json added = ordered_json::object();
    added["output_index"] = output_.size();
    added["item"] = std::move(item);
    return event("response.output_item.added", std::move(added));
}

std::string responses_answer::open_message() {
    open_ = open_item::message;
    answered_ = true;
    ordered_json item = response_.message_item({});
    item["status"] = "in_progress";
    item["content"] = ordered_json::array();
    ordered_json added = ordered_json::object();
    added["output_index"] = output_.size();
    added["item"] = std::move(item);
    std::string out = event("response.output_item.added", std::move(added));
    ordered_json part = part_fields();
    part["part"] = text_part({});
    out += item_event("response.content_part.added", response_.message_id(), std::move(part));
    return out;
}

std::string responses_answer::close_item() {
    if (open_ == open_item::none) {
        return {};
    }
    if (open_ == open_item::message) {
        return close_message();
    }
    ordered_json done = summary_fields();
    done["text"] = text_;
    std::string out =
        item_event("response.reasoning_summary_text.done", response_.reasoning_id(), std::move(done));
    out += item_done(response_.reasoning_item(text_));
    return out;
}

std::string responses_answer::close_message() {
    ordered_json text = part_fields();
    text["text"] = text_;
    text["logprobs"] = ordered_json::array();
    std::string out = item_event("response.output_text.done", response_.message_id(), std::move(text));
    ordered_json part = part_fields();
    part["part"] = text_part(text_);
    out += item_event("response.content_part.done", response_.message_id(), std::move(part));
    out += item_done(response_.message_item(text_, cut_));
    return out;
}

std::string responses_answer::item_done(ordered_json item) {
    ordered_json fields = ordered_json::object();
    fields["output_index"] = output_.size();
    fields["item"] = item;
    output_.push_back(std::move(item));
    open_ = open_item::none;
    text_.clear();
    return event("response.output_item.done", std::move(fields));
}

// An answer without a word still has its message.
std::string responses_answer::last(const chat::finished_event& end) {
    std::string out;
    if (!answered_) {
        out = close_item();
        out += open_message();
    }
    cut_ = response_.was_cut(end);
    out += close_item();
    out += cut_ ? whole_event("response.incomplete", response_status::incomplete, &end.usage, {})
                : whole_event("response.completed", response_status::completed, &end.usage, {});
    return out;
}

// The object as it failed, then the error event at which OpenAI's clients throw.
std::string responses_answer::failure(const chat::failed_event& why) {
    const std::string text = failure_text(why, model());
    std::string out = whole_event("response.failed", response_status::failed, nullptr, text);
    ordered_json fields = ordered_json::parse(error_object(status_of(why.kind), text));
    fields["code"] = "server_error";
    fields["message"] = text;
    fields["param"] = nullptr;
    out += event("error", std::move(fields));
    return out;
}

}  // namespace corral::api::openai
