#pragma once
// One request in the form that everything behind `api` knows; nothing here tells which wire format filled it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/core/time.hpp"

namespace corral::chat {

enum class role { system, user, assistant, tool };

struct tool_call {
    std::string id;
    std::string name;
    nlohmann::ordered_json arguments;  // an object
};

struct message {
    role from = role::user;
    std::string content;
    std::string thinking;          // of an earlier assistant turn
    std::vector<tool_call> calls;  // of an earlier assistant turn
    std::string tool_name;         // of a tool result
    std::string tool_call_id;      // of a tool result
};

// Sampling as asked for; absent means the manifest's default, then the runtime's.
struct sampling {
    std::optional<double> temperature;
    std::optional<std::int64_t> top_k;
    std::optional<double> top_p;
    std::optional<double> repeat_penalty;
    std::optional<std::int64_t> seed;
};

struct limits {
    std::optional<std::int64_t> num_predict;  // negative: until the end
    std::optional<std::int64_t> num_ctx;      // wanted context in tokens; clamped to the model's
    std::vector<std::string> stops;           // empty strings are ignored
    bool truncate = true;                     // shorten a conversation that is too long
};

enum class thinking_mode { model_default, off, on };

struct generation_request {
    std::string id;                 // unique in this process, for the log
    std::string client;             // who asks: an API key's name, else the peer address
    std::string model_typed;        // as the client wrote it
    std::string model;              // resolved name
    std::vector<message> messages;  // a whole conversation; `raw_prompt` takes its place when set
    std::optional<std::string> raw_prompt;
    chat::sampling sampling;
    chat::limits limits;
    thinking_mode thinking = thinking_mode::model_default;
    nlohmann::ordered_json tools = nullptr;   // null or an array
    nlohmann::ordered_json format = nullptr;  // null, "json", or a schema object
    core::steady_time arrived;
    core::deadline until;
};

}  // namespace corral::chat
