#pragma once
// From events to bytes: a stream of lines or one object (docs/facts/ollama_wire.md#generate-reply,
// #load-and-unload, #errors).

#include "api/ollama/reply_encoder.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/http/message.hpp"

namespace corral::api::ollama {

// Sends the answer of `handle` as a stream of lines. A failure within it is an error line, and never
// done:true.
[[nodiscard]] core::awaitable<void> answer_stream(const api_context& context,
                                                  generation::generation_handle handle, reply_encoder encoder,
                                                  http::response_writer& out);

// The same as one object.
[[nodiscard]] core::awaitable<void> answer_whole(generation::generation_handle handle, reply_encoder encoder,
                                                 http::response_writer& out);

// Sends one whole JSON answer.
[[nodiscard]] core::awaitable<void> send_json(std::string body, http::response_writer& out);

}  // namespace corral::api::ollama
