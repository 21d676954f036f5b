#include "api/openai/answer.hpp"

#include <chrono>
#include <utility>

#include "api/openai/error_reply.hpp"
#include "api/request_start.hpp"

namespace corral::api::openai {

http::response_head answer_format::head() {
    http::response_head out;
    out.content_type = "text/event-stream";
    return out;
}

http::response answer_format::refusal(const chat::failed_event& why) {
    return error_response(why, model_);
}

core::awaitable<void> answer(const api_context& context, const http::request& incoming,
                             chat::generation_request what, generation::served model,
                             std::unique_ptr<answer_format> format, bool stream, http::response_writer& out) {
    generation::generation_handle handle =
        start_generation(context, incoming, std::move(what), std::move(model));
    if (stream) {
        std::unique_ptr<stream_format> events = std::move(format);
        co_await stream_answer(context, std::move(handle), std::move(events), out);
        co_return;
    }
    whole_answer said = co_await collect_answer(*handle);
    http::response whole;
    if (const auto* why = std::get_if<chat::failed_event>(&said.end)) {
        if (why->kind == chat::failure_kind::cancelled) {
            co_return;
        }
        whole = format->refusal(*why);
    } else {
        whole.content_type = reply_type;
        whole.body = format->whole(said, std::get<chat::finished_event>(said.end));
    }
    add_notes(whole.headers, *handle);
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_json(std::string body, http::response_writer& out) {
    http::response whole;
    whole.content_type = reply_type;
    whole.body = std::move(body);
    co_await out.send(std::move(whole));
}

std::string data_event(std::string_view json) {
    std::string out;
    out.reserve(json.size() + 8);
    out.append("data: ").append(json).append("\n\n");
    return out;
}

void write_usage(json_writer& json, const chat::token_usage& usage) {
    const std::uint64_t total = std::uint64_t{usage.prompt_tokens} + usage.generated_tokens;
    json.key("usage").begin_object().count("prompt_tokens", usage.prompt_tokens);
    json.count("completion_tokens", usage.generated_tokens).count("total_tokens", total).end_object();
}

const char* finish_word(chat::finish_reason reason) noexcept {
    return reason == chat::finish_reason::length ? "length" : "stop";
}

std::int64_t now_in_seconds() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

}  // namespace corral::api::openai
