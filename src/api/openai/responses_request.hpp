#pragma once
// The request of /v1/responses (docs/facts/ollama_wire.md#openai-responses).

#include <optional>

#include "api/openai/compaction.hpp"
#include "api/openai/generation_fields.hpp"
#include "api/openai/message_reader.hpp"
#include "api/openai/tool_reader.hpp"

namespace corral::api::openai {

// What the answer says again of its request.
struct response_echo {
    std::optional<std::string> instructions;
    nlohmann::ordered_json tools = nlohmann::ordered_json::array();
    nlohmann::ordered_json text_format;
    std::string truncation = "disabled";
    nlohmann::ordered_json tool_choice = "auto";
    bool parallel_tool_calls = true;
    std::optional<double> temperature;
    std::optional<double> top_p;
    std::optional<std::string> effort;
    std::optional<std::string> summary;
    std::optional<std::int64_t> max_output_tokens;
    // Of its calls: names as the model knows them, and the bytes of their namespaces.
    std::map<std::string, std::size_t> tool_names;
    bool searches = false;
    std::optional<compaction_plan> compaction;  // the answer is a summary
};

struct responses_fields {
    generation_fields common;
    response_echo echo;
};

// `compacts`: of /v1/responses/compact.
[[nodiscard]] responses_fields read_responses_request(const http::request& incoming, decode_problem& problem,
                                                      bool compacts = false);

// The input: a text, or items that make a conversation. Reasoning goes with the assistant's next turn, a call with the
// turn before it. Tools that a search has found join `tools`.
struct responses_input : conversation {
    bool wants_compaction = false;
};
[[nodiscard]] responses_input read_input(const json_fields& fields, tool_list& tools);

}  // namespace corral::api::openai
