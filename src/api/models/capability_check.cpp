#include "api/models/capability_check.hpp"

#include <algorithm>
#include <array>

#include "api/json/go_text.hpp"
#include "api/models/image_reader.hpp"
#include "api/models/model_lookup.hpp"
#include "corral/core/say.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/readiness.hpp"

namespace corral::api {

namespace {

struct template_need {
    std::string_view capability;
    std::string_view field;
};
// docs/facts/ollama_wire.md#listings: what a template must mention.
constexpr std::array<template_need, 2> needs{{{"tools", ".Tools"}, {"insert", ".Suffix"}}};

bool has_no_place(const std::string& prompt_template, std::string_view capability) {
    return std::ranges::any_of(needs, [&](const template_need& each) {
        return each.capability == capability && prompt_template.find(each.field) == std::string::npos;
    });
}

}  // namespace

std::vector<std::string> capabilities_of(const generation::served_model& model) {
    std::vector<std::string> out = model.entry->capabilities;
    if (model.variant != nullptr && !model.variant->prompt_template.empty()) {
        std::erase_if(
            out, [&](const std::string& each) { return has_no_place(model.variant->prompt_template, each); });
    }
    return out;
}

bool has_capability(const generation::served_model& model, std::string_view wanted) {
    const std::vector<std::string> all = capabilities_of(model);
    return std::ranges::find(all, wanted) != all.end();
}

void write_capabilities(json_writer& json, const generation::served_model& model) {
    json.key("capabilities").begin_array();
    for (const std::string& each : capabilities_of(model)) {
        json.text(each);
    }
    json.end_array();
}

std::uint32_t shown_context(const generation::served_model& model) {
    const std::uint32_t stated = generation::context_length_of(model);
    return stated > 0 ? stated : model.entry->context.positions;
}

void check_tools(const generation::served_model& model, bool has_tools, decode_problem& problem) {
    if (has_tools && !has_capability(model, "tools")) {
        problem.set(core::say("request.no-tools/support", long_name(model)));
    }
}

void check_vision(const generation::served_model& model, bool has_images,
                  const std::vector<chat::message>& messages, decode_problem& problem) {
    if (has_images && !has_capability(model, "vision")) {
        problem.set(core::say("request.no-images/support", long_name(model)));
    } else if (has_images) {
        check_images(messages, model.entry->runtime.traits.images.types, problem);
    }
}

void refuse_logprobs(const generation::served_model& model, bool asked, decode_problem& problem) {
    if (asked && !model.runtime->facts().tells_logprobs) {
        problem.set(core::say("request.no-logprobs"));
    }
}

void check_format(const nlohmann::ordered_json& format, decode_problem& problem) {
    if (format.is_null() || format.is_object() || format == "json") {
        return;
    }
    json_writer raw;
    if (format.is_string()) {
        raw.text(echo_of(format.get_ref<const std::string&>()));
    } else {
        raw.tree(format);
    }
    problem.set(core::say("request.format-schema/invalid", go_quoted(echo_of(raw.take()))), 500);
}

bool names_thinking(const generation::served_model& model) {
    const engine::stated_model stated = model.runtime->stated();
    return stated.facts != nullptr && stated.facts->thinking.is_object();
}

chat::thinking_mode default_thinking(const generation::served_model& model) {
    if (!has_capability(model, "thinking")) {
        return chat::thinking_mode::model_default;
    }
    const engine::stated_model stated = model.runtime->stated();
    const bool off = stated.facts != nullptr && stated.facts->thinking.is_object() &&
                     stated.facts->thinking["default"] == false;
    return off ? chat::thinking_mode::off : chat::thinking_mode::on;
}

}  // namespace corral::api
