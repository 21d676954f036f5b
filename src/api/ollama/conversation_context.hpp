#pragma once
// The `context` of /api/generate: integers that stand for a conversation, which a client sends back to go on
// with it (docs/facts/ollama_wire.md#generate-request). Ollama's are token ids; these hold the texts
// themselves, three bytes to an integer, so that they continue the conversation with any model and after any
// restart.

#include <cstdint>
#include <optional>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::ollama {

// Texts beyond this are left out, the oldest turns first: no edge model reads that much.
inline constexpr std::size_t max_context_bytes = 256 * 1024;

// Of system, user and assistant messages their role and content. Empty when not even the last turn fits.
// Each integer is below 2^24.
[[nodiscard]] std::vector<std::uint32_t> encode_context(std::vector<chat::message> conversation);

// Nothing for integers that no encode_context() made, or that were changed or cut since.
[[nodiscard]] std::optional<std::vector<chat::message>> decode_context(
    const std::vector<std::uint32_t>& context);

// The member `context` of a request: the conversation so far; empty when absent or []. Integers that are not
// ours are a problem.
[[nodiscard]] std::vector<chat::message> read_context(const json_fields& fields);

}  // namespace corral::api::ollama
