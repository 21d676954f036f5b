#pragma once
// Logprobs as clients read them (docs/facts/ollama_wire.md#logprobs).

#include <cstddef>
#include <span>

#include "api/json/json_writer.hpp"
#include "corral/chat/generation_event.hpp"

namespace corral::api {

// Ollama's list, and OpenAI's for conversations.
void write_logprobs(json_writer& json, std::span<const chat::token_logprob> tokens);

// OpenAI's object for completions; the first token begins at `offset` of the text. Returns where the next one does.
std::size_t write_completion_logprobs(json_writer& json, std::span<const chat::token_logprob> tokens,
                                      std::size_t offset);

}  // namespace corral::api
