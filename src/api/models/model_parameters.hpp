#pragma once
// Parameters of a model by the names that Ollama gave them: the `options` of a request and the `parameters`
// of a variant (docs/facts/ollama_wire.md#options).

#include <string>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api {

// Fills in what `given` (an object) says; null says nothing. Wrong types are a problem with status 500, as
// Ollama has it.
void read_parameters(const nlohmann::ordered_json& given, chat::sampling& sampling, chat::limits& limits,
                     decode_problem& problem);

// Names in `given` that no runtime here has a use for, known ones and others, made printable; at most 32.
// Those that Ollama itself no longer knows are left out.
[[nodiscard]] std::vector<std::string> unused_parameters(const nlohmann::ordered_json& given);

}  // namespace corral::api
