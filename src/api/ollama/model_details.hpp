#pragma once
// What lists and show say of a model, in their common shape (docs/facts/ollama_wire.md#listings).

#include <cstdint>
#include <string>

#include "api/json/json_writer.hpp"
#include "corral/generation/generation_service.hpp"

namespace corral::api::ollama {

// "details":{...}; with `lengths` also what is known of the context.
void write_details(json_writer& json, const generation::served_model& model, bool lengths);

// "capabilities":[...]
void write_capabilities(json_writer& json, const generation::served_model& model);

// 64 lower-case hex digits, whatever the manifest has: the command line client cuts it without looking.
[[nodiscard]] std::string shown_digest(const generation::served_model& model);

// Tokens of context: as the runtime states them, else as the manifest does; 0 when neither knows.
[[nodiscard]] std::uint32_t shown_context(const generation::served_model& model);

// "4.0B" -> 4000000000; 0 when it can't be read.
[[nodiscard]] std::uint64_t parameter_count(std::string_view size);

}  // namespace corral::api::ollama
