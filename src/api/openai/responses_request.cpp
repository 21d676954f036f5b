#include "api/openai/responses_request.hpp"

#include <array>
#include <utility>

#include "api/answer_stream.hpp"
#include "api/openai/generation_fields.hpp"
#include "api/openai/tool_reader.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"

namespace corral::api::openai {

namespace {

constexpr double default_temperature = 1.0;

void read_text_format(const json_fields& fields, responses_fields& into) {
    into.echo.text_format = nlohmann::ordered_json::object();
    into.echo.text_format["type"] = "text";
    const auto* text = fields.object("text", "openai.ResponsesText");
    if (text == nullptr) {
        return;
    }
    const json_fields inside = fields.inside("text", *text);
    const auto* wanted = inside.object("format", "openai.ResponsesTextFormat");
    if (wanted == nullptr) {
        return;
    }
    const json_fields format = inside.inside("format", *wanted);
    const std::string type = format.text("type").value_or("text");
    into.echo.text_format = *wanted;
    if (type == "json_object") {
        into.common.format = "json";
    } else if (const auto* schema = format.find("schema"); schema != nullptr && type == "json_schema") {
        into.common.format = *schema;
    } else if (type != "text") {
        into.common.unused.emplace_back("text.format");
    }
}

void read_reasoning(const json_fields& fields, responses_fields& into) {
    const auto* reasoning = fields.object("reasoning", "openai.ResponsesReasoning");
    if (reasoning == nullptr) {
        return;
    }
    const json_fields inside = fields.inside("reasoning", *reasoning);
    into.echo.effort = inside.text("effort");
    into.echo.summary = inside.text("summary");
    into.common.reasoning = read_effort(into.echo.effort.value_or(""), fields.problem());
}

// Ollama's extension, which counts more than the effort.
void read_think(const json_fields& fields, responses_fields& into) {
    const auto* think = fields.find("think");
    if (think == nullptr) {
        return;
    }
    if (think->is_boolean()) {
        into.common.reasoning = {think->get<bool>(), ""};
    } else if (const auto level = fields.text("think")) {
        into.common.reasoning = read_effort(*level, fields.problem());
    }
}

void read_sampling_of_response(const json_fields& fields, responses_fields& into) {
    into.echo.temperature = fields.real("temperature");
    into.echo.top_p = fields.real("top_p");
    into.echo.max_output_tokens = fields.integer("max_output_tokens");
    into.common.sampling.temperature = into.echo.temperature.value_or(default_temperature);
    into.common.sampling.top_p = into.echo.top_p;
    into.common.limits.num_predict = into.echo.max_output_tokens;
}

// Probabilities are asked for by their place in the answer.
bool wants_logprobs(const json_fields& fields) {
    const auto* include = fields.find("include");
    if (include == nullptr || !include->is_array()) {
        return false;
    }
    for (const auto& each : *include) {
        if (each == "message.output_text.logprobs") {
            return true;
        }
    }
    return false;
}

// What would change the answer and is ignored, as Ollama does it.
void read_unused(const json_fields& fields, generation_fields& into) {
    constexpr std::array<const char*, 6> names{"previous_response_id", "conversation", "background", "prompt",
                                               "max_tool_calls",       "top_logprobs"};
    for (const char* name : names) {
        if (says_something(fields, name)) {
            into.unused.emplace_back(name);
        }
    }
    const auto* truncation = fields.find("truncation");
    if (truncation != nullptr && *truncation == "disabled") {
        into.unused.emplace_back("truncation");
    }
}

void read_tool_echo(const json_fields& fields, response_echo& echo) {
    if (const auto* tools = fields.array("tools", "[]openai.ResponsesTool")) {
        echo.tools = *tools;
    }
    const auto* choice = fields.find("tool_choice");
    if (choice != nullptr && (choice->is_string() || choice->is_object())) {
        echo.tool_choice = *choice;
    }
}

// The request is for a summary of what it holds, and for nothing else.
void read_compaction_wish(bool triggered, responses_fields& fields, decode_problem& problem) {
    generation_fields& asked = fields.common;
    if (triggered && !asked.stream) {
        problem.set(core::say("request.message-form/requires"));
    } else if (asked.messages.empty()) {
        problem.set(core::say("request.message-form/empty"));
    }
    remove_notes(asked.messages);
    fields.echo.compaction = plan_compaction(asked.messages, !triggered);
    asked.transcript = std::exchange(fields.echo.compaction->transcript, {});
    fields.echo.compaction->excerpt = excerpt_of(*asked.transcript);
    asked.messages.clear();
    asked.tools = nullptr;
    asked.format = nullptr;
    asked.sampling = {};
    asked.reasoning = {};
    asked.has_images = false;
    asked.stream = triggered;
}

void read_conversation(const json_fields& fields, bool compacts, tool_list& tools, responses_fields& into) {
    if (auto instructions = fields.text("instructions"); instructions && !instructions->empty()) {
        into.echo.instructions = std::move(instructions);
        chat::message system;
        system.from = chat::role::system;
        system.content = *into.echo.instructions;
        into.common.messages.push_back(std::move(system));
    }
    responses_input said = read_input(fields, tools);
    into.common.has_images = said.has_images;
    if (compacts || said.wants_compaction) {
        into.common.messages = std::move(said.messages);  // instructions come again with each request
        if (compacts && said.wants_compaction) {
            fields.problem().set(core::say("request.message-form/only"));
        }
        read_compaction_wish(said.wants_compaction, into, fields.problem());
        return;
    }
    for (chat::message& each : said.messages) {
        into.common.messages.push_back(std::move(each));
    }
    if (into.common.messages.empty()) {
        fields.problem().set(core::say("request.message-form/input-required"));
    }
}

}  // namespace

responses_fields read_responses_request(const http::request& incoming, decode_problem& problem,
                                        bool compacts) {
    const nlohmann::ordered_json body = read_plain_object(incoming, "openai.ResponsesRequest", problem);
    const json_fields fields(body, "ResponsesRequest", problem);
    responses_fields out;
    read_common(fields, out.common);
    read_sampling_of_response(fields, out);
    read_text_format(fields, out);
    out.echo.truncation = fields.text("truncation").value_or("disabled");
    out.common.logprobs = wants_logprobs(fields);
    out.common.is_response = true;
    read_tool_echo(fields, out.echo);
    out.echo.parallel_tool_calls = !out.common.one_call;
    tool_list tools;
    add_flat_tools(fields, tools);
    read_reasoning(fields, out);
    read_think(fields, out);
    read_conversation(fields, compacts, tools, out);
    read_choice(fields, tools);
    if (!out.echo.compaction) {
        out.common.tools = std::move(tools.tools);
        out.common.must_call = std::move(tools.must_call);
    }
    read_unused(fields, out.common);
    out.common.unused.insert(out.common.unused.end(), tools.unused.begin(), tools.unused.end());
    out.echo.tool_names = std::move(tools.names);
    out.echo.searches = tools.searches;
    return out;
}

}  // namespace corral::api::openai
