#pragma once
// What a well-formed request may still ask that this model or this server can't give: refused by name, never
// ignored where the answer would differ.

#include "api/ollama/request_body.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::ollama {

// `activity` is "chat" or "generate".
void check_features(const catalog::model_entry& entry, const common_fields& asked, const char* activity,
                    decode_problem& problem);

void check_tools(const catalog::model_entry& entry, const nlohmann::ordered_json& tools,
                 decode_problem& problem);

void refuse_images(const catalog::model_entry& entry, bool has_images, decode_problem& problem);

// Absent means on for a model that thinks (ollama_wire.md §2.4).
[[nodiscard]] chat::thinking_mode thinking_for(const catalog::model_entry& entry, think_value asked);

}  // namespace corral::api::ollama
