#pragma once
// From a model's name as typed to what is served, with Ollama's refusals (docs/facts/ollama_wire.md#names).

#include <string>
#include <string_view>

#include "api/json/json_fields.hpp"
#include "corral/core/say.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api {

// What a route says when the name is missing, and how it names an unknown model.
struct lookup_words {
    core::known_wording<> missing = "request.field-missing/model";
    unsigned missing_status = 400;
    bool display_form = false;  // unknown models are named with their tag
    core::known_wording<std::string> unknown = "request.no-model/name";
};

inline constexpr lookup_words embedding_words{"request.no-model/nameless", 404, false,
                                              "request.no-model/pull"};

// nullptr with a problem set, or the model.
[[nodiscard]] generation::served find_model(const generation::model_directory& models, std::string_view typed,
                                            const lookup_words& words, decode_problem& problem);

// A name that means a model on somebody else's machines, so none here may have it.
[[nodiscard]] bool names_cloud(std::string_view typed);

// "registry.ollama.ai/library/qwen3:4b", as capability errors name a model.
[[nodiscard]] std::string long_name(const generation::served_model& model);

}  // namespace corral::api
