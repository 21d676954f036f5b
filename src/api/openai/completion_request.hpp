#pragma once
// The request of /v1/completions (docs/facts/ollama_wire.md#openai-completions).

#include "api/openai/generation_fields.hpp"

namespace corral::api::openai {

// Neither messages nor a hole: the prompt was empty, which only loads the model.
[[nodiscard]] generation_fields read_completion_request(const http::request& incoming,
                                                        decode_problem& problem);

}  // namespace corral::api::openai
