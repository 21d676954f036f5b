#pragma once
// The body of a request, and what Go's decoder would say of a wrong one (docs/facts/ollama_wire.md#transport,
// #json-input).

#include <string_view>

#include <nlohmann/json.hpp>

#include "api/json/json_fields.hpp"
#include "corral/http/message.hpp"

namespace corral::api::openai {

// The object in the body, an empty one when there is a problem. `go_type` is what Go's decoder names:
// "ChatCompletionRequest". Compressed bodies are refused.
[[nodiscard]] nlohmann::ordered_json read_body(const http::request& incoming, std::string_view go_type,
                                               decode_problem& problem);

// Go's name for the type of a value that it decoded without a schema: "float64", "[]interface {}".
[[nodiscard]] std::string_view go_type_of(const nlohmann::ordered_json& value);

// A member that says something: not null, false, 0 or empty.
[[nodiscard]] bool says_something(const json_fields& fields, std::string_view key);

}  // namespace corral::api::openai
