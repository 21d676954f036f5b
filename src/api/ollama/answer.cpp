#include "api/ollama/answer.hpp"

#include <utility>

#include "api/answer_stream.hpp"
#include "api/failure_status.hpp"
#include "api/ollama/error_reply.hpp"

namespace corral::api::ollama {

namespace {

wall_time wall_now() {
    return std::chrono::system_clock::now();
}

class line_stream final : public stream_format {
public:
    explicit line_stream(reply_encoder encoder) : encoder_(std::move(encoder)) {}

    http::response_head head() override {
        http::response_head out;
        out.content_type = "application/x-ndjson";
        return out;
    }

    std::string encode(chat::generation_event& event) override {
        std::string line;
        if (const auto* end = std::get_if<chat::finished_event>(&event)) {
            line = encoder_.last({}, *end, wall_now());
        } else if (const auto* why = std::get_if<chat::failed_event>(&event)) {
            line = error_body(failure_text(*why, encoder_.model()));
        } else {
            line = encoder_.partial(parts_of(event), wall_now());
        }
        return line += '\n';
    }

    // Spaces before the next object are part of its line; a line of spaces alone would break readers of lines
    // (docs/facts/platform_traps.md#leading-spaces).
    std::string keep_alive() override { return " "; }

    http::response refusal(const chat::failed_event& why) override {
        return error_response(why, encoder_.model(), stream_error_type);
    }

private:
    reply_encoder encoder_;
};

}  // namespace

core::awaitable<void> answer_stream(const api_context& context, generation::generation_handle handle,
                                    reply_encoder encoder, http::response_writer& out) {
    std::unique_ptr<stream_format> lines = std::make_unique<line_stream>(std::move(encoder));
    co_await stream_answer(context, std::move(handle), std::move(lines), out);
}

core::awaitable<void> answer_whole(generation::generation_handle handle, reply_encoder encoder,
                                   http::response_writer& out) {
    whole_answer said = co_await collect_answer(*handle);
    http::response whole;
    if (const auto* why = std::get_if<chat::failed_event>(&said.end)) {
        if (why->kind == chat::failure_kind::cancelled) {
            co_return;
        }
        whole = error_response(*why, encoder.model(), json_type);
    } else {
        whole.content_type = json_type;
        whole.body = encoder.last({said.text, said.thinking, said.calls},
                                  std::get<chat::finished_event>(said.end), wall_now());
    }
    add_notes(whole.headers, *handle);
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_json(std::string body, http::response_writer& out) {
    http::response whole;
    whole.content_type = json_type;
    whole.body = std::move(body);
    co_await out.send(std::move(whole));
}

}  // namespace corral::api::ollama
