#pragma once
// The request of /v1/chat/completions (docs/facts/ollama_wire.md#openai-chat-request).

#include "api/openai/generation_fields.hpp"

namespace corral::api::openai {

[[nodiscard]] generation_fields read_chat_request(const http::request& incoming, decode_problem& problem);

}  // namespace corral::api::openai
