#pragma once
// The fields that /api/generate and /api/chat share, decoded and typed but not yet judged
// (docs/facts/ollama_wire.md#generate-request, #chat-request).

#include <optional>
#include <string>

#include "api/json/json_fields.hpp"
#include "api/ollama/think_value.hpp"
#include "corral/core/time.hpp"

namespace corral::api::ollama {

// The JSON object of a request body; `go_type` is "ChatRequest" and the like. Top-level null is {}. Anything
// else is a problem.
[[nodiscard]] nlohmann::ordered_json read_body(std::string_view body, std::string_view go_type,
                                               decode_problem& problem);

// The same of a request that says little more than a name, so that it may be read in place.
[[nodiscard]] nlohmann::ordered_json read_small_body(std::string_view body, std::string_view go_type,
                                                     decode_problem& problem);

struct common_fields {
    std::string model;
    bool stream = true;
    bool truncate = true;
    bool logprobs = false;
    std::optional<core::nanoseconds> keep_alive;
    think_wish think;
    bool debug_render_only = false;
    nlohmann::ordered_json format = nullptr;   // null when absent or ""
    nlohmann::ordered_json options = nullptr;  // null or an object
};

// `model`, or `name` as older clients say it where `model` is absent or empty.
[[nodiscard]] std::string read_model_name(const json_fields& fields);

[[nodiscard]] common_fields read_common(const json_fields& fields);

// With an empty prompt this asks for an unload (docs/facts/ollama_wire.md#load-and-unload).
[[nodiscard]] inline bool unloads(const common_fields& fields) {
    return fields.keep_alive == core::nanoseconds{0};
}

}  // namespace corral::api::ollama
