#pragma once
// What a model can do, as its manifest says, and the refusals of what it can't
// (docs/facts/ollama_wire.md#think, #chat-request).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_fields.hpp"
#include "api/json/json_writer.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api {

// Those of the model below, without what a variant's own template has no place for.
[[nodiscard]] std::vector<std::string> capabilities_of(const generation::served_model& model);
[[nodiscard]] bool has_capability(const generation::served_model& model, std::string_view wanted);

// "capabilities":[...]
void write_capabilities(json_writer& json, const generation::served_model& model);
// Tokens of context: as the runtime states them, else as the manifest does; 0 when neither knows.
[[nodiscard]] std::uint32_t shown_context(const generation::served_model& model);

void check_tools(const generation::served_model& model, bool has_tools, decode_problem& problem);
// `has_images`: also of parts that make no message.
void check_vision(const generation::served_model& model, bool has_images,
                  const std::vector<chat::message>& messages, decode_problem& problem);
// Where the runtime tells none; one of its fallbacks may all the same leave them out.
void refuse_logprobs(const generation::served_model& model, bool asked, decode_problem& problem);
// Its form alone; whether a schema can be kept to is the generation path's to say.
void check_format(const nlohmann::ordered_json& format, decode_problem& problem);

// It says what its thinking takes (engine::model_facts).
[[nodiscard]] bool names_thinking(const generation::served_model& model);
// For a request that says nothing of thinking: on for a model that can.
[[nodiscard]] chat::thinking_mode default_thinking(const generation::served_model& model);

}  // namespace corral::api
