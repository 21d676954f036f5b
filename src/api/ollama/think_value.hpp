#pragma once
// The `think` of a request (ollama_wire.md §2.4).

#include "api/json_fields.hpp"

namespace corral::api::ollama {

enum class think_value { absent, off, on };

// Levels ("low" to "max") are `on`. A wrong value is the problem, and reads as absent.
[[nodiscard]] think_value read_think(const json_fields& fields);

}  // namespace corral::api::ollama
