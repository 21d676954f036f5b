#include "api/anthropic/messages_request.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/models/capability_check.hpp"
#include "api/request_start.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::anthropic {

namespace {

using nlohmann::ordered_json;

constexpr const char* go_name = "MessagesRequest";

std::vector<std::string> read_stops(const json_fields& fields) {
    std::vector<std::string> out;
    const ordered_json* stops = fields.array("stop_sequences", "[]string");
    if (stops == nullptr) {
        return out;
    }
    for (const ordered_json& each : *stops) {
        if (!each.is_string()) {
            fields.wrong_type("stop_sequences", each, "string");
            return {};
        }
        out.push_back(each.get<std::string>());
    }
    return out;
}

// The member of a request's object member, when it is a text.
std::string text_inside(const ordered_json* object, const char* key) {
    return object == nullptr ? std::string() : core::text_at(*object, key);
}

void read_thinking(const json_fields& fields, messages_request& into) {
    const ordered_json* thinking = fields.object("thinking", "anthropic.ThinkingConfig");
    const std::string type = text_inside(thinking, "type");
    if (type == "disabled") {
        into.think = false;
        return;
    }
    if (type == "enabled") {
        into.think = true;
        return;
    }
    std::string effort = text_inside(fields.object("output_config", "anthropic.OutputConfig"), "effort");
    if (effort == "xhigh") {
        effort = "high";
    }
    for (const char* known : {"low", "medium", "high", "max"}) {
        if (effort == known) {
            into.think = true;
            into.effort = effort;
        }
    }
}

// A schema for the answer, which Anthropic's clients put into output_config, and those of the beta
// structured-outputs-2025-11-13 beside it.
void read_format(const json_fields& fields, messages_request& into) {
    const ordered_json* config = fields.object("output_config", "anthropic.OutputConfig");
    const ordered_json* format = config == nullptr ? nullptr : core::member(*config, "format");
    if (format == nullptr) {
        format = fields.find("output_format");
    }
    if (text_inside(format, "type") != "json_schema") {
        return;
    }
    const ordered_json* schema = core::member(*format, "schema");
    if (schema == nullptr || !schema->is_object()) {
        fields.problem().set(core::say("request.field-value/output"));
        return;
    }
    into.format = *schema;
}

// The checks of the request as a whole, in Ollama's order.
void check_required(const json_fields& fields, const messages_request& request) {
    decode_problem& problem = fields.problem();
    if (request.model.empty()) {
        problem.set(core::say("request.field-missing/model"));
    }
    if (request.max_tokens <= 0) {
        problem.set(core::say("request.field-missing/max"));
    }
    const ordered_json* messages = fields.array("messages", "[]anthropic.MessageParam");
    if (messages == nullptr || messages->empty()) {
        problem.set(core::say("request.message-form/messages"));
    }
}

}  // namespace

messages_request read_messages_request(const http::request& incoming, decode_problem& problem, bool counts) {
    // The tree goes with this call: a request may wait for long, and it is several times the text.
    const ordered_json body = read_plain_object(incoming, std::string("anthropic.") + go_name, problem);
    const json_fields fields(body, go_name, problem);
    messages_request out;
    out.model = fields.text("model").value_or("");
    out.max_tokens = fields.integer("max_tokens").value_or(counts ? 1 : 0);
    out.stream = fields.boolean("stream").value_or(false);
    out.sampling.temperature = fields.real("temperature");
    out.sampling.top_p = fields.real("top_p");
    out.sampling.top_k = fields.integer("top_k");
    out.stops = read_stops(fields);
    read_thinking(fields, out);
    check_required(fields, out);
    if (problem.found()) {
        return out;
    }
    out.talk = read_conversation(fields);
    out.tools = read_tools(fields);
    read_format(fields, out);
    if (out.talk.messages.empty() && !out.talk.has_images) {
        problem.set(core::say("request.message-form/required"));
    }
    return out;
}

void check(const generation::served_model& model, const messages_request& request, decode_problem& problem) {
    if (!has_capability(model, "completion")) {
        problem.set(core::say("request.not-for-chat/support", request.model));
    }
    check_tools(model, !request.tools.tools.is_null(), problem);
    check_vision(model, request.talk.has_images, request.talk.messages, problem);
}

void fill(messages_request& asked, const generation::served_model& model, chat::generation_request& request) {
    request.messages = std::move(asked.talk.messages);
    request.tools = std::move(asked.tools.tools);
    request.must_call = std::move(asked.tools.must_call);
    request.one_call = asked.tools.one_call;
    for (auto* const unused : {&asked.tools.unused, &asked.talk.unused}) {
        std::ranges::move(*unused, std::back_inserter(request.unused_options));
    }
    request.format = std::move(asked.format);
    request.sampling = asked.sampling;
    request.limits.num_predict = asked.max_tokens;
    request.limits.stops = std::move(asked.stops);
    request.thinking = default_thinking(model);
    if (asked.think == false) {
        request.thinking = chat::thinking_mode::off;
    } else if (request.thinking == chat::thinking_mode::on) {
        request.effort = std::move(asked.effort);
    }
}

std::size_t guessed_input_tokens(const messages_request& request) {
    constexpr std::size_t bytes_per_token = 4;
    return std::max<std::size_t>(1, (request.talk.bytes + request.tools.bytes) / bytes_per_token);
}

}  // namespace corral::api::anthropic
