#include "api/openai/chat_answer.hpp"

#include <utility>

#include "api/failure_status.hpp"
#include "api/json/logprob_list.hpp"
#include "api/openai/error_reply.hpp"

namespace corral::api::openai {

namespace {

// Chunks have it null until the choice has ended.
void write_reason(json_writer& json, const char* word) {
    json.key("finish_reason");
    if (word == nullptr) {
        json.tree(nullptr);
    } else {
        json.text(word);
    }
}

void write_probabilities(json_writer& json, std::span<const chat::token_logprob> tokens) {
    if (!tokens.empty()) {
        json.key("logprobs").begin_object().key("content");
        write_logprobs(json, tokens);
        json.end_object();
    }
}

}  // namespace

chat_answer::chat_answer(std::string typed, bool include_usage, core::random_source& random)
    : event_format(std::move(typed)),
      id_(short_id("chatcmpl-", random)),
      created_(now_in_seconds()),
      include_usage_(include_usage) {}

std::string chat_answer::encode(chat::generation_event& event) {
    if (const auto* why = std::get_if<chat::failed_event>(&event)) {
        return data_event(error_object(status_of(why->kind), failure_text(*why, model())));
    }
    if (const auto* end = std::get_if<chat::finished_event>(&event)) {
        return last(*end);
    }
    return piece(event);
}

std::string chat_answer::piece(const chat::generation_event& event) {
    if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
        return chunk({}, thinking->text, {}, thinking->logprobs);
    }
    if (const auto* call = std::get_if<chat::tool_call_event>(&event)) {
        return chunk({}, {}, {&call->call, 1}, {});
    }
    const auto& text = std::get<chat::text_event>(event);
    return chunk(text.text, {}, {}, text.logprobs);
}

std::string chat_answer::chunk(std::string_view text, std::string_view thinking,
                               std::span<const chat::tool_call> calls,
                               std::span<const chat::token_logprob> logprobs) {
    json_writer json;
    begin(json, "chat.completion.chunk");
    json.begin_array().begin_object().count("index", 0).key("delta").begin_object();
    if (!role_said_) {
        json.member("role", "assistant");
        role_said_ = true;
    }
    json.member("content", text);
    if (!thinking.empty()) {
        json.member("reasoning", thinking);
    }
    if (!calls.empty()) {
        write_calls(json, calls);
    }
    json.end_object();
    write_reason(json, nullptr);
    write_probabilities(json, logprobs);
    json.end_object().end_array().end_object();
    return data_event(json.take());
}

std::string chat_answer::last(const chat::finished_event& end) {
    std::string out;
    if (!role_said_) {
        out = chunk({}, {}, {}, {});
    }
    json_writer ending;
    begin(ending, "chat.completion.chunk");
    ending.begin_array().begin_object().count("index", 0).key("delta").begin_object().end_object();
    write_reason(ending, reason_word(end));
    write_probabilities(ending, end.logprobs);
    ending.end_object().end_array().end_object();
    out += data_event(ending.take());
    if (include_usage_) {
        json_writer usage;
        begin(usage, "chat.completion.chunk");
        usage.begin_array().end_array();
        write_usage(usage, end.usage);
        usage.end_object();
        out += data_event(usage.take());
    }
    out += done_event;
    return out;
}

std::string chat_answer::whole(const whole_answer& answer, const chat::finished_event& end) {
    json_writer json;
    begin(json, "chat.completion");
    json.begin_array().begin_object().count("index", 0).key("message").begin_object();
    json.member("role", "assistant").member("content", answer.text);
    if (!answer.thinking.empty()) {
        json.member("reasoning", answer.thinking);
    }
    if (!answer.calls.empty()) {
        write_calls(json, answer.calls);
    }
    json.end_object();
    write_reason(json, reason_word(end));
    write_probabilities(json, answer.logprobs);
    json.end_object().end_array();
    write_usage(json, end.usage);
    json.end_object();
    std::string out = json.take();
    out += '\n';
    return out;
}

void chat_answer::begin(json_writer& json, std::string_view object) const {
    json.begin_object().member("id", id_).member("object", object).count("created", created_);
    json.member("model", model()).member("system_fingerprint", system_fingerprint).key("choices");
}

void chat_answer::write_calls(json_writer& json, std::span<const chat::tool_call> calls) {
    json.key("tool_calls").begin_array();
    for (const chat::tool_call& call : calls) {
        json_writer arguments;
        arguments.tree(call.arguments);
        json.begin_object().member("id", call.id).count("index", next_call_index_++);
        json.member("type", "function").key("function").begin_object();
        json.member("name", call.name).member("arguments", arguments.take()).end_object().end_object();
    }
    json.end_array();
}

const char* chat_answer::reason_word(const chat::finished_event& end) const {
    const bool called = next_call_index_ > 0 && end.reason == chat::finish_reason::stop;
    return called ? "tool_calls" : finish_word(end.reason);
}

}  // namespace corral::api::openai
