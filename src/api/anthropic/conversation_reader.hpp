#pragma once
// The system text, messages and content blocks of a request as the messages that models get
// (docs/facts/ollama_wire.md#anthropic).

#include <cstddef>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::anthropic {

struct conversation {
    std::vector<chat::message> messages;
    bool has_images = false;
    std::size_t bytes = 0;  // of roles, texts, calls and results; what the first token count is guessed from
};

// The system text comes first. A block that can't be read is a problem of `fields`; one of an unknown type is
// skipped.
[[nodiscard]] conversation read_conversation(const json_fields& fields);

}  // namespace corral::api::anthropic
