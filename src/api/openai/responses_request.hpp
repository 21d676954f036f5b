#pragma once
// The request of /v1/responses (docs/facts/ollama_wire.md#openai-responses).

#include <optional>

#include "api/openai/generation_fields.hpp"
#include "api/openai/message_reader.hpp"

namespace corral::api::openai {

// What the answer says again of its request.
struct response_echo {
    std::optional<std::string> instructions;
    nlohmann::ordered_json tools = nlohmann::ordered_json::array();
    nlohmann::ordered_json text_format;
    std::string truncation = "disabled";
    std::optional<double> temperature;
    std::optional<double> top_p;
    std::optional<std::string> effort;
    std::optional<std::string> summary;
    std::optional<std::int64_t> max_output_tokens;
};

struct responses_fields {
    generation_fields common;
    response_echo echo;
};

[[nodiscard]] responses_fields read_responses_request(const http::request& incoming, decode_problem& problem);

// The input: a text, or items that make a conversation. Reasoning goes with the assistant's next turn, a call with the turn before it.
[[nodiscard]] conversation read_input(const json_fields& fields);

}  // namespace corral::api::openai
