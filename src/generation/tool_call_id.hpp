#pragma once
// Names of tool calls (docs/facts/ollama_wire.md#chat-reply).

#include <string>

#include "corral/core/random_source.hpp"

namespace corral::generation {

// "call_" and 8 of [a-z0-9].
[[nodiscard]] std::string new_tool_call_id(core::random_source& random);

}  // namespace corral::generation
