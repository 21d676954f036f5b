#pragma once
// From a model's name as typed to what is served, with Ollama's refusals (ollama_wire.md §13).

#include <string>
#include <string_view>

#include "api/json_fields.hpp"
#include "corral/api/generation_service.hpp"

namespace corral::api::ollama {

// What a route says when the name is missing, and how it names an unknown model.
struct lookup_words {
    const char* missing = "model is required";
    unsigned missing_status = 400;
    bool display_form = false;  // unknown models are named with their tag
};

// nullptr with a problem set, or the model.
[[nodiscard]] const served_model* find_model(const model_directory& models, std::string_view typed,
                                             const lookup_words& words, decode_problem& problem);

[[nodiscard]] std::string not_found_text(std::string_view shown);

// "registry.ollama.ai/library/qwen3:4b", as capability errors name a model.
[[nodiscard]] std::string long_name(const catalog::model_entry& entry);

[[nodiscard]] bool has_capability(const catalog::model_entry& entry, std::string_view wanted);

}  // namespace corral::api::ollama
