#include "api/openai/answer.hpp"

#include <chrono>
#include <utility>

namespace corral::api::openai {

http::response_head event_format::head() {
    http::response_head out;
    out.content_type = "text/event-stream";
    return out;
}

http::response event_format::refusal(const chat::failed_event& why, bool /*streamed*/) {
    return error_response(why, model_);
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
    json.count("completion_tokens", usage.generated_tokens).count("total_tokens", total);
    json.key("prompt_tokens_details").begin_object().count("cached_tokens", usage.cached_tokens);
    json.end_object().end_object();
}

const char* finish_word(chat::finish_reason reason) noexcept {
    return reason == chat::finish_reason::length ? "length" : "stop";
}

std::int64_t now_in_seconds() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

}  // namespace corral::api::openai
