#include <array>
#include <utility>

#include "api/openai/generation_fields.hpp"
#include "api/openai/message_reader.hpp"
#include "api/openai/tool_reader.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"

namespace corral::api::openai {

namespace {

void read_length(const json_fields& fields, generation_fields& into) {
    into.limits.num_predict = fields.integer("max_tokens");
    // The newer name of the same wish; Ollama ignores it, and so whatever else than a number it holds.
    const auto* newer = fields.find("max_completion_tokens");
    if (!into.limits.num_predict && newer != nullptr && newer->is_number_integer()) {
        into.limits.num_predict = newer->get<std::int64_t>();
    }
}

void read_response_format(const json_fields& fields, generation_fields& into) {
    const auto* wanted = fields.object("response_format", "openai.ResponseFormat");
    if (wanted == nullptr) {
        return;
    }
    const json_fields format = fields.inside("response_format", *wanted);
    const std::string type = format.text("type").value_or("");
    if (type == "json_object") {
        into.format = "json";
    } else if (type == "json_schema") {
        const auto* around = format.object("json_schema", "openai.JsonSchema");
        const auto* schema =
            around == nullptr ? nullptr : format.inside("json_schema", *around).find("schema");
        if (schema != nullptr) {
            into.format = *schema;
        } else {
            into.unused.emplace_back("response_format");
        }
    } else if (!type.empty() && type != "text") {
        into.unused.emplace_back("response_format");
    }
}

void read_reasoning(const json_fields& fields, generation_fields& into) {
    const auto* reasoning = fields.object("reasoning", "openai.Reasoning");
    const std::string flat = fields.text("reasoning_effort").value_or("");
    if (reasoning == nullptr) {
        into.reasoning = read_effort(flat, fields.problem());
        return;
    }
    const json_fields inside = fields.inside("reasoning", *reasoning);
    const std::string effort = inside.text("effort").value_or("");
    into.reasoning = read_effort(effort, fields.problem());
}

// What would change the answer and is ignored, as Ollama does it.
void read_unused(const json_fields& fields, generation_fields& into) {
    constexpr std::array<const char*, 6> names{"logit_bias", "functions", "function_call",
                                               "prediction", "audio",     "web_search_options"};
    for (const char* name : names) {
        if (says_something(fields, name)) {
            into.unused.emplace_back(name);
        }
    }
    const auto* choices = fields.find("n");
    if (choices != nullptr && *choices != 1) {
        into.unused.emplace_back("n");
    }
}

}  // namespace

generation_fields read_chat_request(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_plain_object(incoming, "openai.ChatCompletionRequest", problem);
    const json_fields fields(body, "ChatCompletionRequest", problem);
    generation_fields out;
    read_common(fields, out);
    read_sampling(fields, out);
    read_length(fields, out);
    read_stops(fields, out);
    read_response_format(fields, out);
    out.logprobs = fields.boolean("logprobs").value_or(false);
    out.top_logprobs = fields.integer("top_logprobs").value_or(0);
    tool_list tools = read_nested_tools(fields);
    out.tools = std::move(tools.tools);
    out.must_call = std::move(tools.must_call);
    read_unused(fields, out);
    out.unused.insert(out.unused.end(), tools.unused.begin(), tools.unused.end());
    const auto* messages = fields.find("messages");
    if (messages == nullptr || (messages->is_array() && messages->empty())) {
        problem.set(core::say("request.message-form/too"));
    }
    conversation said = read_messages(fields);
    out.messages = std::move(said.messages);
    out.has_images = said.has_images;
    out.has_audio = said.has_audio;
    read_reasoning(fields, out);
    return out;
}

}  // namespace corral::api::openai
