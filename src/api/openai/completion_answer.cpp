#include "api/openai/completion_answer.hpp"

#include <utility>

#include "api/failure_status.hpp"
#include "api/json/logprob_list.hpp"
#include "api/openai/error_reply.hpp"

namespace corral::api::openai {

namespace {

constexpr const char* object_name = "text_completion";
constexpr const char* load_reason = "load";

}  // namespace

completion_answer::completion_answer(std::string typed, bool include_usage, core::random_source& random)
    : event_format(std::move(typed)),
      id_(short_id("cmpl-", random)),
      created_(now_in_seconds()),
      include_usage_(include_usage) {}

std::string completion_answer::encode(chat::generation_event& event) {
    if (const auto* why = std::get_if<chat::failed_event>(&event)) {
        return data_event(error_object(status_of(why->kind), failure_text(*why, model())));
    }
    if (const auto* end = std::get_if<chat::finished_event>(&event)) {
        std::string out = chunk("", finish_word(end->reason), end->logprobs);
        out += closing(end->usage);
        return out;
    }
    // Thinking shows as chunks without text.
    const auto* text = std::get_if<chat::text_event>(&event);
    return text == nullptr ? chunk({}, nullptr) : chunk(text->text, nullptr, text->logprobs);
}

std::string completion_answer::whole(const whole_answer& answer, const chat::finished_event& end) {
    return object(answer.text, finish_word(end.reason), end.usage, answer.logprobs);
}

std::string completion_answer::loaded() {
    return object("", load_reason, {});
}

std::string completion_answer::loaded_as_stream() {
    std::string out = chunk("", load_reason);
    out += closing({});
    return out;
}

std::string completion_answer::chunk(std::string_view text, const char* reason,
                                     const chat::token_logprobs& tokens) {
    json_writer json;
    json.begin_object().member("id", id_).member("object", object_name).count("created", created_);
    json.key("choices").begin_array();
    write_choice(json, text, reason, tokens);
    json.end_array().member("model", model()).member("system_fingerprint", system_fingerprint);
    if (include_usage_) {
        write_usage(json, {});
    }
    json.end_object();
    return data_event(json.take());
}

std::string completion_answer::closing(const chat::token_usage& usage) const {
    std::string out;
    if (include_usage_) {
        json_writer json;
        json.begin_object().member("id", id_).member("object", object_name).count("created", created_);
        json.key("choices").begin_array().end_array();
        json.member("model", model()).member("system_fingerprint", system_fingerprint);
        write_usage(json, usage);
        json.end_object();
        out = data_event(json.take());
    }
    out += done_event;
    return out;
}

std::string completion_answer::object(std::string_view text, const char* reason,
                                      const chat::token_usage& usage, const chat::token_logprobs& tokens) {
    json_writer json;
    json.begin_object().member("id", id_).member("object", object_name).count("created", created_);
    json.member("model", model()).member("system_fingerprint", system_fingerprint);
    json.key("choices").begin_array();
    write_choice(json, text, reason, tokens);
    json.end_array();
    write_usage(json, usage);
    json.end_object();
    std::string out = json.take();
    out += '\n';
    return out;
}

void completion_answer::write_choice(json_writer& json, std::string_view text, const char* reason,
                                     const chat::token_logprobs& tokens) {
    json.begin_object().member("text", text).count("index", 0).key("finish_reason");
    if (reason == nullptr) {
        json.tree(nullptr);
    } else {
        json.text(reason);
    }
    if (!tokens.empty()) {
        json.key("logprobs");
        logprob_bytes_ = write_completion_logprobs(json, tokens, logprob_bytes_);
    }
    json.end_object();
}

}  // namespace corral::api::openai
