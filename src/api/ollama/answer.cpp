#include "api/ollama/answer.hpp"

#include <utility>

#include "api/add_header.hpp"
#include "api/ollama/error_reply.hpp"

namespace corral::api::ollama {

namespace {

wall_time wall_now() {
    return std::chrono::system_clock::now();
}

void add_notes(http::header_fields& to, const generation_handle& handle) {
    if (handle.dropped_messages() > 0) {
        add_header(to, "Corral-Dropped-Messages", std::to_string(handle.dropped_messages()));
    }
}

// Adds what `event` says; a terminal event says nothing.
void collect(reply_content& into, chat::generation_event& event) {
    if (auto* text = std::get_if<chat::text_event>(&event)) {
        into.text += text->text;
    } else if (auto* thinking = std::get_if<chat::thinking_event>(&event)) {
        into.thinking += thinking->text;
    } else if (auto* call = std::get_if<chat::tool_call_event>(&event)) {
        into.calls.push_back(std::move(call->call));
    }
}

bool is_end(const chat::generation_event& event) {
    return std::holds_alternative<chat::finished_event>(event) ||
           std::holds_alternative<chat::failed_event>(event);
}

std::string line_of(reply_encoder& encoder, chat::generation_event& event) {
    reply_content said;
    collect(said, event);
    std::string line;
    if (const auto* end = std::get_if<chat::finished_event>(&event)) {
        line = encoder.last(said, *end, wall_now());
    } else if (const auto* why = std::get_if<chat::failed_event>(&event)) {
        line = error_body(error_text(*why, encoder.model()));
    } else {
        line = encoder.partial(said, wall_now());
    }
    return line += '\n';
}

// A failure before the first byte. Nobody reads the answer to a client that has gone.
core::awaitable<void> answer_failure(chat::failed_event why, std::string typed, const char* content_type,
                                     http::response_writer& out) {
    if (why.kind == chat::failure_kind::cancelled) {
        co_return;
    }
    http::response whole = error_response(why, typed, content_type);
    co_await out.send(std::move(whole));
}

}  // namespace

core::awaitable<void> answer_stream(generation_handle handle, reply_encoder encoder,
                                    http::response_writer& out) {
    chat::generation_event event = co_await handle.next();
    if (auto* why = std::get_if<chat::failed_event>(&event)) {
        co_await answer_failure(*why, encoder.model(), stream_error_type, out);
        co_return;
    }
    http::response_head head;
    head.content_type = "application/x-ndjson";
    add_notes(head.headers, handle);
    core::error_code gone = co_await out.begin(std::move(head));
    bool over = false;
    while (!gone && !over) {
        over = is_end(event);
        std::string line = line_of(encoder, event);
        gone = co_await out.write(std::move(line));
        if (!gone && !over) {
            event = co_await handle.next();
        }
    }
    if (!gone) {
        co_await out.finish();
    }
}

core::awaitable<void> answer_whole(generation_handle handle, reply_encoder encoder,
                                   http::response_writer& out) {
    reply_content said;
    chat::generation_event event = co_await handle.next();
    while (!is_end(event)) {
        collect(said, event);
        event = co_await handle.next();
    }
    if (auto* why = std::get_if<chat::failed_event>(&event)) {
        co_await answer_failure(*why, encoder.model(), json_type, out);
        co_return;
    }
    http::response whole;
    whole.content_type = json_type;
    add_notes(whole.headers, handle);
    whole.body = encoder.last(said, std::get<chat::finished_event>(event), wall_now());
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_json(std::string body, http::response_writer& out) {
    http::response whole;
    whole.content_type = json_type;
    whole.body = std::move(body);
    co_await out.send(std::move(whole));
}

}  // namespace corral::api::ollama
