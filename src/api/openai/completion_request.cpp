#include <algorithm>
#include <utility>

#include "api/openai/generation_fields.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"

namespace corral::api::openai {

namespace {

void check_stops(const json_fields& fields) {
    const auto* stop = fields.find("stop");
    if (stop == nullptr || !stop->is_array()) {
        return;
    }
    for (const auto& each : *stop) {
        if (!each.is_string()) {
            fields.problem().set(core::say("request.field-value/type", std::string(go_type_of(each))));
            return;
        }
    }
}

// A prompt is one turn of a user, unless it stands before a hole.
void read_prompt(const json_fields& fields, generation_fields& into) {
    std::string prompt = fields.text("prompt").value_or("");
    std::string suffix = fields.text("suffix").value_or("");
    if (prompt.empty()) {
        return;
    }
    if (!suffix.empty()) {
        into.hole = chat::fill_in_middle{std::move(prompt), std::move(suffix)};
        return;
    }
    chat::message turn;
    turn.content = std::move(prompt);
    into.messages.push_back(std::move(turn));
}

// What would change the answer and is ignored, as Ollama does it.
void read_unused(const json_fields& fields, generation_fields& into) {
    for (const char* name : {"logit_bias", "echo"}) {
        if (says_something(fields, name)) {
            into.unused.emplace_back(name);
        }
    }
    for (const char* name : {"n", "best_of"}) {
        const auto* count = fields.find(name);
        if (count != nullptr && *count != 1) {
            into.unused.emplace_back(name);
        }
    }
}

}  // namespace

generation_fields read_completion_request(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_plain_object(incoming, "openai.CompletionRequest", problem);
    const json_fields fields(body, "CompletionRequest", problem);
    generation_fields out;
    read_common(fields, out);
    read_sampling(fields, out);
    out.limits.num_predict = fields.integer("max_tokens");
    out.top_logprobs = std::max<std::int64_t>(fields.integer("logprobs").value_or(0), 0);
    out.logprobs = out.top_logprobs > 0;
    read_prompt(fields, out);
    read_unused(fields, out);
    check_stops(fields);
    read_stops(fields, out);
    return out;
}

}  // namespace corral::api::openai
