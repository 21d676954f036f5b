#pragma once
// The `think` of a request (docs/facts/ollama_wire.md#think).

#include <string>

#include "api/json/json_fields.hpp"

namespace corral::api::ollama {

enum class think_value { absent, off, on };

struct think_wish {
    think_value value = think_value::absent;
    std::string level;  // "low", "medium", "high" or "max", which are `on`; else empty
};

// A wrong value is the problem, and reads as absent.
[[nodiscard]] think_wish read_think(const json_fields& fields);

}  // namespace corral::api::ollama
