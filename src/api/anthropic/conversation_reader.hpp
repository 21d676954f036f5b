#pragma once
// The system text, messages and content blocks of a request as the messages that models get
// (docs/facts/ollama_wire.md#anthropic).

#include <cstddef>
#include <string>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::anthropic {

struct conversation {
    std::vector<chat::message> messages;
    bool has_images = false;
    std::size_t bytes = 0;  // of roles, texts, calls and results; what the first token count is guessed from
};

// The system text comes first. A block that can't be read is a problem of `fields`; one of an unknown type is
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

}  // namespace corral::api::anthropic
