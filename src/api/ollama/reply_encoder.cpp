#include "api/ollama/reply_encoder.hpp"

#include <algorithm>
#include <utility>

#include "api/json/logprob_list.hpp"
#include "api/ollama/conversation_context.hpp"

namespace corral::api::ollama {

namespace {

void nonzero(json_writer& json, std::string_view name, std::int64_t value) {
    if (value > 0) {
        json.count(name, value);
    }
}

// With tokens there is a time, so that no client divides by nothing.
void duration_of(json_writer& json, std::string_view name, core::nanoseconds took, std::uint32_t tokens) {
    nonzero(json, name, tokens > 0 ? std::max<std::int64_t>(took.count(), 1) : took.count());
}

void write_figures(json_writer& json, const chat::finished_event& end) {
    const chat::generation_timings& took = end.timings;
    nonzero(json, "total_duration", took.total.count());
    // Everything between the arrival and the runtime's being ready for this prompt.
    nonzero(json, "load_duration", (took.queue + took.reset).count());
    nonzero(json, "prompt_eval_count", end.usage.prompt_tokens);
    json.count("prompt_eval_cached_count", std::min(end.usage.cached_tokens, end.usage.prompt_tokens));
    duration_of(json, "prompt_eval_duration", took.prefill, end.usage.prompt_tokens);
    nonzero(json, "eval_count", end.usage.generated_tokens);
    duration_of(json, "eval_duration", took.decode, end.usage.generated_tokens);
}

void write_member(json_writer& json, std::span<const chat::token_logprob> tokens) {
    if (!tokens.empty()) {
        json.key("logprobs");
        write_logprobs(json, tokens);
    }
}

}  // namespace

reply_parts parts_of(const chat::generation_event& event) {
    reply_parts out;
    if (const auto* text = std::get_if<chat::text_event>(&event)) {
        out.text = text->text;
        out.logprobs = text->logprobs;
    } else if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
        out.thinking = thinking->text;
        out.logprobs = thinking->logprobs;
    } else if (const auto* call = std::get_if<chat::tool_call_event>(&event)) {
        out.calls = {&call->call, 1};
    }
    return out;
}

std::string reply_encoder::partial(const reply_parts& parts, wall_time when) {
    json_writer json;
    open(json, parts, when);
    json.key("done").boolean(false);
    if (kind_ == reply_kind::generate && !parts.calls.empty()) {
        write_calls(json, parts.calls);
    }
    write_member(json, parts.logprobs);
    json.end_object();
    return json.take();
}

std::string reply_encoder::last(const reply_parts& parts, const chat::finished_event& end, wall_time when) {
    json_writer json;
    open(json, parts, when);
    json.key("done").boolean(true);
    json.member("done_reason", end.reason == chat::finish_reason::stop ? "stop" : "length");
    if (!conversation_.empty()) {
        write_context(json);
    }
    if (kind_ == reply_kind::chat) {
        write_member(json, parts.logprobs);
    }
    write_figures(json, end);
    if (kind_ == reply_kind::generate) {
        if (!parts.calls.empty()) {
            write_calls(json, parts.calls);
        }
        write_member(json, parts.logprobs);
    }
    json.end_object();
    return json.take();
}

std::string reply_encoder::without_run(std::string_view reason, wall_time when) {
    json_writer json;
    open(json, reply_parts{}, when);
    json.key("done").boolean(true).member("done_reason", reason).end_object();
    return json.take();
}

void reply_encoder::open(json_writer& json, const reply_parts& parts, wall_time when) {
    if (!conversation_.empty()) {
        answer_ += parts.text;
    }
    json.begin_object().member("model", model_).member("created_at", utc_stamp(when));
    const bool chat = kind_ == reply_kind::chat;
    if (chat) {
        json.key("message").begin_object().member("role", "assistant").member("content", parts.text);
    } else {
        json.member("response", parts.text);
    }
    if (!parts.thinking.empty()) {
        json.member("thinking", parts.thinking);
    }
    if (chat) {
        if (!parts.calls.empty()) {
            write_calls(json, parts.calls);
        }
        json.end_object();
    }
}

void reply_encoder::write_context(json_writer& json) {
    chat::message answer;
    answer.from = chat::role::assistant;
    answer.content = std::move(answer_);
    conversation_.push_back(std::move(answer));
    const std::vector<std::uint32_t> context = encode_context(std::move(conversation_));
    if (context.empty()) {
        return;
    }
    json.key("context").begin_array();
    for (const std::uint32_t each : context) {
        json.number(each);
    }
    json.end_array();
}

void reply_encoder::write_calls(json_writer& json, std::span<const chat::tool_call> calls) {
    json.key("tool_calls").begin_array();
    for (const chat::tool_call& call : calls) {
        json.begin_object().member("id", call.id).key("function").begin_object();
        json.count("index", next_call_index_++).member("name", call.name);
        json.key("arguments").tree(call.arguments).end_object().end_object();
    }
    json.end_array();
}

}  // namespace corral::api::ollama
