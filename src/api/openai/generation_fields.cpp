#include "api/openai/generation_fields.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/models/capability_check.hpp"
#include "api/openai/error_reply.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"
#include "corral/generation/summary_request.hpp"

namespace corral::api::openai {

namespace {

// OpenAI's own defaults, which count more than the model's (docs/facts/ollama_wire.md#openai-chat-request).
constexpr double default_temperature = 1.0;
constexpr double default_top_p = 1.0;

void check(const generation::served_model& model, const generation_fields& asked, const char* activity,
           decode_problem& problem) {
    const std::string typed = "\"" + asked.model + "\"";
    if (asked.hole && !has_capability(model, "insert")) {
        problem.set(core::say("request.no-insert/support", long_name(model)));
    }
    if (!has_capability(model, "completion")) {
        problem.set(core::say("request.not-for-chat/support-2", typed, activity));
    }
    if (asked.reasoning.on.value_or(false) && !has_capability(model, "thinking")) {
        problem.set(core::say("request.no-thinking/support", typed));
    }
    refuse_logprobs(model, asked.logprobs, problem);
    if (asked.logprobs && asked.is_response) {
        problem.set(core::say("request.not-built/logprobs"));
    }
    check_format(asked.format, problem);
    check_tools(model, !asked.tools.is_null(), problem);
    check_vision(model, asked.has_images, asked.messages, problem);
    if (asked.has_audio) {
        problem.set(core::say("request.not-built/support", long_name(model)));
    }
}

}  // namespace

void read_common(const json_fields& fields, generation_fields& into) {
    into.model = fields.text("model").value_or("");
    into.stream = fields.boolean("stream").value_or(false);
    if (const auto* options = fields.object("stream_options", "openai.StreamOptions")) {
        const json_fields inside = fields.inside("stream_options", *options);
        into.include_usage = inside.boolean("include_usage").value_or(false);
    }
    const auto* parallel = fields.find("parallel_tool_calls");
    into.one_call = parallel != nullptr && *parallel == false;
}

void read_sampling(const json_fields& fields, generation_fields& into) {
    into.sampling.temperature = fields.real("temperature").value_or(default_temperature);
    into.sampling.top_p = fields.real("top_p").value_or(default_top_p);
    into.sampling.frequency_penalty = fields.real("frequency_penalty");
    into.sampling.presence_penalty = fields.real("presence_penalty");
    into.sampling.seed = fields.integer("seed");
}

void read_stops(const json_fields& fields, generation_fields& into) {
    const auto* stop = fields.find("stop");
    if (stop == nullptr) {
        return;
    }
    into.limits.stops_given = true;
    const auto all = stop->is_array() ? *stop : nlohmann::ordered_json::array({*stop});
    for (const auto& each : all) {
        if (each.is_string()) {
            into.limits.stops.push_back(each.get<std::string>());
        }
    }
}

bool says_something(const json_fields& fields, std::string_view key) {
    const auto* value = fields.find(key);
    if (value == nullptr) {
        return false;
    }
    if (value->is_boolean()) {
        return value->get<bool>();
    }
    if (value->is_number()) {
        return *value != 0;
    }
    if (value->is_string()) {
        return !value->get_ref<const std::string&>().empty();
    }
    return !value->empty();
}

reasoning_choice read_effort(const std::string& effort, decode_problem& problem) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> efforts{{{"minimal", "low"},
                                                                                    {"low", "low"},
                                                                                    {"medium", "medium"},
                                                                                    {"high", "high"},
                                                                                    {"xhigh", "max"},
                                                                                    {"ultra", "max"},
                                                                                    {"max", "max"}}};
    reasoning_choice out;
    if (effort.empty()) {
        return out;
    }
    if (effort == "none") {
        out.on = false;
        return out;
    }
    for (const auto& [word, meant] : efforts) {
        if (word == effort) {
            out.on = true;
            out.effort = meant;
            out.said = word;
            return out;
        }
    }
    problem.set(core::say("request.field-value/reasoning", go_quoted(echo_of(effort))));
    return out;
}

generation::served admit(const api_context& context, const generation_fields& asked,
                         const decode_problem& decoding, const lookup_words& words, const char* activity,
                         http::response& refused) {
    if (decoding.found()) {
        refused = rejection(decoding);
        return nullptr;
    }
    decode_problem problem;
    constexpr std::int64_t most_logprobs = 20;
    if (asked.top_logprobs < 0 || asked.top_logprobs > most_logprobs) {
        problem.set(core::say("request.field-value/top"));
    }
    generation::served model;
    if (!problem.found()) {
        model = find_model(*context.models, asked.model, words, problem);
    }
    if (model != nullptr) {
        check(*model, asked, activity, problem);
    }
    if (problem.found()) {
        refused = error_response(problem.status, problem.message);
        return nullptr;
    }
    return model;
}

chat::generation_request make_request(const api_context& context, const http::request& incoming,
                                      const generation::served_model& model, generation_fields asked) {
    chat::generation_request out = begin_request(context, incoming, model, std::move(asked.model));
    out.messages = std::move(asked.messages);
    out.hole = std::move(asked.hole);
    out.sampling = asked.sampling;
    out.limits = std::move(asked.limits);
    out.thinking = default_thinking(model);
    if (asked.reasoning.on) {
        out.thinking = *asked.reasoning.on ? chat::thinking_mode::on : chat::thinking_mode::off;
        const bool named = model.runtime->stated().names_thinking(asked.reasoning.said);
        out.effort = named ? std::move(asked.reasoning.said) : std::move(asked.reasoning.effort);
    }
    out.tools = std::move(asked.tools);
    out.must_call = std::move(asked.must_call);
    out.one_call = asked.one_call;
    out.format = std::move(asked.format);
    std::ranges::move(asked.unused, std::back_inserter(out.unused_options));
    if (asked.logprobs) {
        out.top_logprobs = static_cast<std::uint32_t>(asked.top_logprobs);
    }
    if (asked.transcript) {
        generation::ask_for_summary(out, *asked.transcript, shown_context(model));
    }
    return out;
}

}  // namespace corral::api::openai
