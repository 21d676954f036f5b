#include "api/ollama/answer.hpp"

#include <algorithm>
#include <utility>

#include "api/failure_status.hpp"
#include "api/json/logprob_list.hpp"
#include "api/ollama/conversation_context.hpp"
#include "api/ollama/error_reply.hpp"

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

wall_time wall_now() {
    return std::chrono::system_clock::now();
}

class line_format final : public answer_format {
public:
    explicit line_format(reply_encoder encoder) : encoder_(std::move(encoder)) {}

    http::response_head head() override {
        http::response_head out;
        out.content_type = "application/x-ndjson";
        return out;
    }

    std::string encode(chat::generation_event& event) override {
        std::string line;
        if (const auto* end = std::get_if<chat::finished_event>(&event)) {
            reply_parts rest;
            rest.logprobs = end->logprobs;
            line = encoder_.last(rest, *end, wall_now());
        } else if (const auto* why = std::get_if<chat::failed_event>(&event)) {
            line = error_body(failure_text(*why, encoder_.model()));
        } else {
            line = encoder_.partial(parts_of(event), wall_now());
        }
        return line += '\n';
    }

    // Open WebUI's connection for Ollama, for one (docs/ollama.md#errors-in-a-stream).
    bool hides_failures() const override { return true; }

    // Spaces before the next object are part of its line; a line of spaces alone would break readers of lines
    // (docs/facts/platform_traps.md#leading-spaces).
    std::string keep_alive() override { return " "; }
    [[nodiscard]] bool takes_comments() const override { return false; }

    std::string whole(const whole_answer& answer, const chat::finished_event& end) override {
        return encoder_.last({answer.text, answer.thinking, answer.calls, answer.logprobs}, end, wall_now());
    }
    const char* whole_type() const override { return json_type; }
    http::response refusal(const chat::failed_event& why, bool streamed) override {
        return error_response(why, encoder_.model(), streamed ? stream_error_type : json_type);
    }

private:
    reply_encoder encoder_;
};

constexpr const char* last_status = "success";

std::string status_object(std::string_view status) {
    json_writer json;
    json.begin_object().member("status", status).end_object();
    return json.take();
}

core::awaitable<void> send_lines(progress report, http::response_writer& out) {
    std::vector<std::string> lines;
    for (const std::string& status : report.statuses) {
        lines.push_back(status_object(status));
    }
    lines.push_back(report.error.empty() ? status_object(last_status) : error_body(report.error));
    http::response_head head;
    head.content_type = "application/x-ndjson";
    core::error_code gone = co_await out.begin(std::move(head));
    for (std::string& line : lines) {
        if (gone) {
            co_return;
        }
        line += '\n';
        gone = co_await out.write(std::move(line));
    }
    if (!gone) {
        co_await out.finish();
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

std::unique_ptr<answer_format> format_with(reply_encoder encoder) {
    return std::make_unique<line_format>(std::move(encoder));
}

core::awaitable<void> send_json(std::string body, http::response_writer& out) {
    http::response whole;
    whole.content_type = json_type;
    whole.body = std::move(body);
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_progress(progress report, bool stream, http::response_writer& out) {
    if (stream) {
        co_await send_lines(std::move(report), out);
        co_return;
    }
    http::response whole;
    if (report.error.empty()) {
        whole.content_type = stream_error_type;
        whole.body = status_object(last_status);
    } else {
        whole = error_response(500, report.error, stream_error_type);
    }
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_progress_error(unsigned status, std::string text, http::response_writer& out) {
    http::response refused = error_response(status, text, stream_error_type);
    co_await out.send(std::move(refused));
}

}  // namespace corral::api::ollama
