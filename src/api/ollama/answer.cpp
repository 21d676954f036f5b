#include "api/ollama/answer.hpp"

#include <utility>

#include "api/failure_status.hpp"
#include "api/json/json_writer.hpp"
#include "api/ollama/error_reply.hpp"

namespace corral::api::ollama {

namespace {

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

core::awaitable<void> send_lines(progress what, http::response_writer& out) {
    std::vector<std::string> lines;
    for (const std::string& status : what.statuses) {
        lines.push_back(status_object(status));
    }
    lines.push_back(what.error.empty() ? status_object(last_status) : error_body(what.error));
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

std::unique_ptr<answer_format> format_with(reply_encoder encoder) {
    return std::make_unique<line_format>(std::move(encoder));
}

core::awaitable<void> send_json(std::string body, http::response_writer& out) {
    http::response whole;
    whole.content_type = json_type;
    whole.body = std::move(body);
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_progress(progress what, bool stream, http::response_writer& out) {
    if (stream) {
        co_await send_lines(std::move(what), out);
        co_return;
    }
    http::response whole;
    if (what.error.empty()) {
        whole.content_type = stream_error_type;
        whole.body = status_object(last_status);
    } else {
        whole = error_response(500, what.error, stream_error_type);
    }
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_progress_error(unsigned status, std::string text, http::response_writer& out) {
    http::response refused = error_response(status, text, stream_error_type);
    co_await out.send(std::move(refused));
}

}  // namespace corral::api::ollama
