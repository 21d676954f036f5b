#pragma once
// The request of /v1/chat/completions (ollama_wire.md §8.1).

#include "api/openai/generation_fields.hpp"

namespace corral::api::openai {

[[nodiscard]] generation_fields read_chat_request(const http::request& incoming, decode_problem& problem);

}  // namespace corral::api::openai
