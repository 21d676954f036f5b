#pragma once
// One reply object of /api/generate or /api/chat: a streamed line, the last line, or the whole answer
// (docs/facts/ollama_wire.md#generate-reply, #chat-reply). Key order is part of the format.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer_stream.hpp"
#include "api/json/json_writer.hpp"
#include "api/timestamp.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/http/message.hpp"

namespace corral::api::ollama {

enum class reply_kind { generate, chat };

// What one reply object says.
struct reply_parts {
    std::string_view text{};
    std::string_view thinking{};
    std::span<const chat::tool_call> calls{};
    std::span<const chat::token_logprob> logprobs{};
};

// Of one event; views into it. A terminal event says nothing.
[[nodiscard]] reply_parts parts_of(const chat::generation_event& event);

class reply_encoder {
public:
    // `model` is echoed as typed.
    reply_encoder(reply_kind kind, std::string model) : kind_(kind), model_(std::move(model)) {}

    // The last line will hold, as `context`, this conversation and the answer to it.
    void remember(std::vector<chat::message> conversation) { conversation_ = std::move(conversation); }

    [[nodiscard]] std::string partial(const reply_parts& parts, wall_time when);
    [[nodiscard]] std::string last(const reply_parts& parts, const chat::finished_event& end, wall_time when);
    // Answer to a load or unload request; `reason` is "load" or "unload".
    [[nodiscard]] std::string without_run(std::string_view reason, wall_time when);

    [[nodiscard]] const std::string& model() const noexcept { return model_; }

private:
    void open(json_writer& json, const reply_parts& parts, wall_time when);
    void write_context(json_writer& json);
    void write_calls(json_writer& json, std::span<const chat::tool_call> calls);

    reply_kind kind_;
    std::string model_;
    std::size_t next_call_index_ = 0;
    std::vector<chat::message> conversation_;
    std::string answer_;  // all text so far, when there is a conversation to remember
};

// From events to bytes: a stream of lines or one object (docs/facts/ollama_wire.md#generate-reply,
// #load-and-unload, #errors).

// A stream of lines, or one object. A failure within a stream is an error line, and never done:true.
[[nodiscard]] std::unique_ptr<answer_format> format_with(reply_encoder encoder);

// Sends one whole JSON answer.
[[nodiscard]] core::awaitable<void> send_json(std::string body, http::response_writer& out);

// Answers of pull, push and create: lines of status and an end, or the end alone
// (docs/facts/ollama_wire.md#management).
struct progress {
    std::vector<std::string> statuses;  // before the end
    std::string error;                  // empty: the end is "success"
};

[[nodiscard]] core::awaitable<void> send_progress(progress report, bool stream, http::response_writer& out);

// An error in the place of the first line, with its own status.
[[nodiscard]] core::awaitable<void> send_progress_error(unsigned status, std::string text,
                                                        http::response_writer& out);

}  // namespace corral::api::ollama
