#pragma once
// POST /v1/messages decoded and checked, but not yet judged against a model
// (docs/facts/ollama_wire.md#anthropic).

#include <cstdint>
#include <optional>
#include <string>

#include "api/anthropic/conversation_reader.hpp"
#include "api/json/json_fields.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/http/message.hpp"

namespace corral::api::anthropic {

struct messages_request {
    std::string model;
    bool stream = false;
    std::int64_t max_tokens = 0;
    conversation talk;
    tool_list tools;
    chat::sampling sampling;
    std::vector<std::string> stops;
    std::optional<bool> think;                // absent: as the model is used to
    std::string effort;                       // "low" ... "max" or empty
    nlohmann::ordered_json format = nullptr;  // a schema, or null
};

// In Ollama's order of checks; the first that fails is the problem. `counts`: a request to count its tokens, which has no
// limit of new ones.
[[nodiscard]] messages_request read_messages_request(const http::request& incoming, decode_problem& problem,
                                                     bool counts = false);

// Refuses what `model` can't do.
void check(const generation::served_model& model, const messages_request& request, decode_problem& problem);

// Moves what was asked into `request`; thinking that `model` can't do is dropped.
void fill(messages_request& asked, const generation::served_model& model, chat::generation_request& request);

// Tokens of the prompt before anything was counted: at least 1.
[[nodiscard]] std::size_t guessed_input_tokens(const messages_request& request);

}  // namespace corral::api::anthropic
