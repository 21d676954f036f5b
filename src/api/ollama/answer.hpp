#pragma once
// From events to bytes: a stream of lines or one object (docs/facts/ollama_wire.md#generate-reply,
// #load-and-unload, #errors).

#include <memory>
#include <string>
#include <vector>

#include "api/answer_stream.hpp"
#include "api/ollama/reply_encoder.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/async.hpp"
#include "corral/http/message.hpp"

namespace corral::api::ollama {

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

[[nodiscard]] core::awaitable<void> send_progress(progress what, bool stream, http::response_writer& out);

// An error in the place of the first line, with its own status.
[[nodiscard]] core::awaitable<void> send_progress_error(unsigned status, std::string text,
                                                        http::response_writer& out);

}  // namespace corral::api::ollama
