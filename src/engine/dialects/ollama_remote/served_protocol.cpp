#include "engine/dialects/ollama_remote/served_protocol.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::ollama_remote {

namespace {

using nlohmann::json;

json options_of(const run_spec& spec, const catalog::runtime_traits& traits) {
    json out = json::object();
    for (const chat::sampling_option& option : chat::sampling_options) {
        if (std::ranges::find(traits.sampling, option.name) == traits.sampling.end()) {
            continue;
        }
        std::visit(
            [&](auto member) {
                if (spec.sampling.*member) {
                    out[std::string(option.name)] = *(spec.sampling.*member);
                }
            },
            option.value);
    }
    if (!traits.max_tokens.empty()) {
        if (spec.max_tokens) {
            out[traits.max_tokens] = *spec.max_tokens;
        } else if (traits.most_tokens > 0) {
            out[traits.max_tokens] = traits.most_tokens;
        }
    }
    return out;
}

json messages_of(const chat::rendered_prompt& prompt, catalog::conversation_form form) {
    json out = json::array();
    if (form == catalog::conversation_form::single_message) {
        out.push_back({{"role", "user"}, {"content", streaming::single_message(prompt)}});
        return out;
    }
    for (const chat::role_text& one : prompt.messages) {
        out.push_back({{"role", one.role}, {"content", one.text}});
    }
    return out;
}

}  // namespace

core::result<streaming::stream_request> served_protocol::request_for(const run_spec& spec) const {
    if (spec.prompt.verbatim) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    if (!chat::images_of(spec.prompt).empty()) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/takes-images"));
    }
    json body{{"model", traits_.model_name},
              {"stream", true},
              {"messages", messages_of(spec.prompt, traits_.conversation)},
              {"options", options_of(spec, traits_)}};
    if (const auto added = streaming::add_profile_fields(body, traits_, spec.prompt); !added) {
        return added.error();
    }
    return streaming::stream_request{.target = traits_.chat_target, .body = streaming::body_bytes(body)};
}

// What a handler of oatpp throws is sent as lines of text, the last of which is "message=...".
streaming::error_part served_protocol::error_of(unsigned status, std::string_view body) const {
    streaming::error_part out = remote_protocol::error_of(status, body);
    constexpr std::string_view mark = "\nmessage=";
    constexpr std::size_t longest = 300;
    if (const std::size_t at = body.find(mark); out.message.empty() && at != std::string_view::npos) {
        out.message =
            telemetry::printable(std::string(core::trimmed(body.substr(at + mark.size()))), longest);
    }
    const auto& busy = traits_.busy_statuses;
    out.busy = std::ranges::find(busy, status) != busy.end();
    return out;
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    auto traits = streaming::expanded_traits(model);
    if (!traits) {
        return traits.error();
    }
    std::unique_ptr<streaming::stream_protocol> made = std::make_unique<served_protocol>(std::move(*traits));
    return made;
}

}  // namespace corral::engine::ollama_remote
