#pragma once
// Names that answers of this format carry.

#include <string>
#include <string_view>

#include "corral/core/random_source.hpp"

namespace corral::api::anthropic {

// "msg_" or "req_" and 24 hex digits (docs/facts/ollama_wire.md#errors, #anthropic).
[[nodiscard]] std::string new_identifier(std::string_view prefix, core::random_source& random);

}  // namespace corral::api::anthropic
