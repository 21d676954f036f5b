#pragma once
// A conversation that makes room for itself (docs/facts/ollama_wire.md#compaction): the box's own model sums it up, and
// the client sends the summary in the place of what it stands for.

#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::openai {

// What the item that takes the place of the conversation keeps word by word beside the summary.
struct compaction_plan {
    std::string transcript;  // what is to be summed up, as text
    std::string excerpt;     // its end, for a model that gives no summary
    std::vector<chat::message> retained;
};

// Of a conversation as read_input() gives it. What system and user said stays as it is where no other keeps it
// (`standalone`: POST /v1/responses/compact; else the client keeps its user's texts itself); so do calls that the
// assistant has not yet gone on from, with their results.
[[nodiscard]] compaction_plan plan_compaction(const std::vector<chat::message>& messages, bool standalone);

[[nodiscard]] std::string excerpt_of(std::string_view transcript);

// {"type":"compaction",…}. Where the model gave no summary, the excerpt stands in.
[[nodiscard]] nlohmann::ordered_json compaction_item(const compaction_plan& plan, std::string_view summary);

// What such an item means to the model: the summary as system prompt, which is the last to be left out of a long
// prompt, and what was retained. One of another server's is the problem.
[[nodiscard]] std::vector<chat::message> read_compaction(const json_fields& item);

}  // namespace corral::api::openai
