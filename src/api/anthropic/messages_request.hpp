#pragma once
// POST /v1/messages decoded and checked, but not yet judged against a model
// (docs/facts/ollama_wire.md#anthropic).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/http/message.hpp"

namespace corral::api::anthropic {

// The system prompt, messages and content blocks of a request as the messages that models get
// (docs/facts/ollama_wire.md#anthropic).
struct conversation {
    std::vector<chat::message> messages;
    bool has_images = false;
    std::vector<std::string> unused;  // content that the model is not shown, by its type on the wire
    std::size_t bytes = 0;  // of roles, texts, calls and results; what the first token count is guessed from
};

// The system prompt comes first. A block that can't be read is a problem of `fields`; one of an unknown type is
// skipped.
[[nodiscard]] conversation read_conversation(const json_fields& fields);

// The tools of a request in the form that models get (docs/facts/ollama_wire.md#anthropic).
struct tool_list {
    nlohmann::ordered_json tools = nullptr;  // null, or an array of {"type":"function","function":{…}}
    std::vector<std::string> must_call;      // of one of these
    bool one_call = false;                   // at most
    std::vector<std::string> unused;         // what was asked for and can't be had, by its name on the wire
    std::size_t bytes = 0;
};

// `tools` and `tool_choice`. Tools that Anthropic's own servers would run are left out.
[[nodiscard]] tool_list read_tools(const json_fields& fields);

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
