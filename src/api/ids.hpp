#pragma once
// Short random ids, in the forms that the wire formats give them.

#include <string>
#include <string_view>

#include "corral/core/random_source.hpp"

namespace corral::api {

// `prefix` and so many random hex digits.
[[nodiscard]] std::string hex_id(std::string_view prefix, unsigned digits, core::random_source& random);

// "chatcmpl-7": a number from 0 to 998 (docs/facts/ollama_wire.md#openai-chat-reply).
[[nodiscard]] std::string short_id(std::string_view prefix, core::random_source& random);

}  // namespace corral::api
