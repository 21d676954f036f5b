#pragma once
// The input of /v1/responses: a text, or items that make a conversation
// (docs/facts/ollama_wire.md#openai-responses).

#include "api/openai/message_reader.hpp"

namespace corral::api::openai {

// Reasoning goes with the assistant's next turn, a call with the turn before it.
[[nodiscard]] conversation read_input(const json_fields& fields);

}  // namespace corral::api::openai
