#pragma once
// The `options` object of a request (ollama_wire.md §7): typed strictly, unknown keys ignored.

#include "api/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::ollama {

// Fills sampling and limits of `into` from `options` (an object). Wrong types are a problem with status 500,
// as Ollama has it.
void read_options(const nlohmann::ordered_json& options, chat::generation_request& into,
                  decode_problem& problem);

}  // namespace corral::api::ollama
