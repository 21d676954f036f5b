#pragma once
// What the generating routes of this format have in common once their bodies are decoded: the checks of the
// handler, and the request that all formats share (docs/facts/ollama_wire.md#openai-chat-request).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/json/json_fields.hpp"
#include "api/models/model_lookup.hpp"
#include "corral/api/wire_format.hpp"

namespace corral::api::openai {

struct reasoning_choice {
    std::optional<bool> on;  // absent: as the model does by itself
    std::string effort;      // "low" ... "max"
    std::string said{};      // the same before it was one of these
};

struct generation_fields {
    std::string model;
    bool stream = false;
    bool include_usage = false;
    std::vector<chat::message> messages;
    std::optional<chat::fill_in_middle> hole;
    chat::sampling sampling;
    chat::limits limits;
    reasoning_choice reasoning;
    nlohmann::ordered_json tools = nullptr;
    std::vector<std::string> must_call;  // of these tools
    bool one_call = false;               // at most
    nlohmann::ordered_json format = nullptr;
    bool logprobs = false;
    std::int64_t top_logprobs = 0;
    bool is_response = false;  // its answers have no place for logprobs
    bool has_images = false;
    bool has_audio = false;
    std::vector<std::string> unused;
    std::optional<std::string> transcript;  // a summary of it is asked for
};

// `model`, `stream`, `stream_options` and `parallel_tool_calls`.
void read_common(const json_fields& fields, generation_fields& into);

// `temperature` and `top_p`, 1.0 when absent, the penalties and `seed`.
void read_sampling(const json_fields& fields, generation_fields& into);

// `stop`, a text or an array; what is not text in it is dropped.
void read_stops(const json_fields& fields, generation_fields& into);

// A member that says something: not null, false, 0 or empty.
[[nodiscard]] bool says_something(const json_fields& fields, std::string_view key);

// The effort in the words of a client; "" says nothing.
[[nodiscard]] reasoning_choice read_effort(const std::string& effort, decode_problem& problem);

// The model of a decoded request, or nullptr with `refused` filled. `activity` is "chat" or "generate".
[[nodiscard]] generation::served admit(const api_context& context, const generation_fields& asked,
                                       const decode_problem& decoding, const lookup_words& words,
                                       const char* activity, http::response& refused);

[[nodiscard]] chat::generation_request make_request(const api_context& context, const http::request& incoming,
                                                    const generation::served_model& model,
                                                    generation_fields asked);

// The request of /v1/chat/completions.
[[nodiscard]] generation_fields read_chat_request(const http::request& incoming, decode_problem& problem);

// The request of /v1/completions (docs/facts/ollama_wire.md#openai-completions). Neither messages nor a hole: the prompt was empty, which only loads the model.
[[nodiscard]] generation_fields read_completion_request(const http::request& incoming,
                                                        decode_problem& problem);

}  // namespace corral::api::openai
