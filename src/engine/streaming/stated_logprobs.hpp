#pragma once
// What servers say of the probability of their tokens, in the shapes they have for it. Input is hostile. No I/O.

#include <cstddef>

#include <nlohmann/json.hpp>

#include "corral/chat/generation_event.hpp"

namespace corral::engine::streaming {

// [{"token":"…","bytes":[…],"logprob":-0.1,"top_logprobs":[…]},…]: OpenAI's for conversations, llama.cpp's, Ollama's.
// Of the likeliest at most `most` are kept; what is no such token is left out.
[[nodiscard]] chat::token_logprobs logprobs_in(const nlohmann::json& list, std::size_t most);
// {"tokens":[…],"token_logprobs":[…],"top_logprobs":[{"…":-0.1},…]}: OpenAI's for completions.
[[nodiscard]] chat::token_logprobs completion_logprobs_in(const nlohmann::json& object, std::size_t most);

}  // namespace corral::engine::streaming
