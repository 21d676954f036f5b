#pragma once
// What a well-formed request may still ask that this model or this server can't give: refused by name, never
// ignored where the answer would differ.

#include "api/ollama/request_body.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api::ollama {

// What Ollama looks at before it loads a model: thinking, and whether the model does `activity`, "chat" or
// "generate", at all.
void check_abilities(const generation::served_model& model, const common_fields& asked, const char* activity,
                     decode_problem& problem);

// What an answer is to hold: format, logprobs, the rendered prompt.
void check_answer_wishes(const common_fields& asked, decode_problem& problem);

// Absent means on for a model that thinks (docs/facts/ollama_wire.md#think).
[[nodiscard]] chat::thinking_mode thinking_for(const generation::served_model& model, think_value asked);

}  // namespace corral::api::ollama
