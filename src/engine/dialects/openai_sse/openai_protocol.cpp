#include "engine/dialects/openai_sse/openai_protocol.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "corral/core/json.hpp"
#include "engine/dialects/openai_sse/openai_reader.hpp"
#include "engine/streaming/request_fields.hpp"
#include "engine/streaming/stream_backend.hpp"

namespace corral::engine::openai_sse {

namespace {

using nlohmann::json;

template <typename Value>
void set_if(json& body, const std::string& key, const std::optional<Value>& value) {
    if (value) {
        body[key] = *value;
    }
}

// A value under the name that this server has for it.
void add_sampling_value(json& body, const std::string& name, const chat::sampling& asked) {
    if (name == "temperature") {
        set_if(body, name, asked.temperature);
    } else if (name == "top_k") {
        set_if(body, name, asked.top_k);
    } else if (name == "top_p") {
        set_if(body, name, asked.top_p);
    } else if (name == "min_p") {
        set_if(body, name, asked.min_p);
    } else if (name == "typical_p") {
        set_if(body, name, asked.typical_p);
    } else if (name == "repeat_penalty" || name == "repetition_penalty") {
        set_if(body, name, asked.repeat_penalty);
    } else if (name == "repeat_last_n") {
        set_if(body, name, asked.repeat_last_n);
    } else if (name == "presence_penalty") {
        set_if(body, name, asked.presence_penalty);
    } else if (name == "frequency_penalty") {
        set_if(body, name, asked.frequency_penalty);
    } else if (name == "seed") {
        set_if(body, name, asked.seed);
    }
}

void add_limit(json& body, const catalog::runtime_traits& traits, const std::optional<std::uint32_t>& asked) {
    if (traits.max_tokens.empty()) {
        return;
    }
    if (asked) {
        body[traits.max_tokens] = *asked;
    } else if (traits.most_tokens > 0) {
        body[traits.max_tokens] = traits.most_tokens;
    }
}

json messages_of(const chat::rendered_prompt& prompt, catalog::conversation_form form) {
    using catalog::conversation_form;
    json out = json::array();
    if (form == conversation_form::single_message) {
        out.push_back({{"role", "user"}, {"content", streaming::single_message(prompt)}});
        return out;
    }
    std::vector<chat::role_text> turns = prompt.messages;
    if (turns.empty()) {
        if (!prompt.system.empty()) {
            turns.push_back({"system", prompt.system});
        }
        turns.push_back({"user", prompt.turns});
    }
    std::string folded;
    for (chat::role_text& turn : turns) {
        if (form == conversation_form::folded_system && turn.role == "system") {
            folded += turn.text + "\n\n";
            continue;
        }
        if (turn.role == "user") {
            turn.text.insert(0, std::exchange(folded, {}));
        }
        out.push_back({{"role", turn.role}, {"content", turn.text}});
    }
    return out;
}

}  // namespace

core::result<streaming::stream_request> openai_protocol::request_for(const run_spec& what) const {
    const chat::rendered_prompt& prompt = what.prompt;
    if (prompt.verbatim && traits_.completion_target.empty()) {
        return core::make_failure(core::errc::refused,
                                  "This runtime puts its own chat template around every conversation, so it "
                                  "takes neither raw prompts nor an assistant turn to be continued.");
    }
    json body = json::object();
    if (!traits_.model_name.empty()) {
        body["model"] = traits_.model_name;
    }
    body["stream"] = traits_.streams;
    if (prompt.verbatim) {
        body["prompt"] = prompt.turns;
    } else {
        body["messages"] = messages_of(prompt, traits_.conversation);
    }
    if (traits_.streams && traits_.asks_for_usage) {
        body["stream_options"] = {{"include_usage", true}};
    }
    add_limit(body, traits_, what.max_tokens);
    for (const std::string& name : traits_.sampling) {
        add_sampling_value(body, name, what.sampling);
    }
    if (const auto added = streaming::add_profile_fields(body, traits_, prompt); !added) {
        return added.error();
    }
    const std::string& target = prompt.verbatim ? traits_.completion_target : traits_.chat_target;
    return streaming::stream_request{target, streaming::body_bytes(body), {}};
}

std::unique_ptr<streaming::answer_reader> openai_protocol::reader() const {
    return std::make_unique<openai_reader>(traits_);
}

streaming::error_part openai_protocol::error_of(unsigned status, std::string_view body) const {
    streaming::error_part out = error_in(body);
    out.status = status;
    const auto& busy = traits_.busy_statuses;
    out.busy = std::find(busy.begin(), busy.end(), status) != busy.end();
    return out;
}

namespace {

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    auto traits = streaming::expanded_traits(model);
    if (!traits) {
        return traits.error();
    }
    std::unique_ptr<streaming::stream_protocol> made = std::make_unique<openai_protocol>(std::move(*traits));
    return made;
}

}  // namespace

core::result<std::unique_ptr<backend>> make_openai_sse(const supervisor::supervisor_context& context,
                                                       const catalog::model_entry& model) {
    return streaming::stream_backend::make(context, model, protocol_for(model));
}

core::result<std::unique_ptr<backend>> adopt_openai_sse(const supervisor::supervisor_context& context,
                                                        const catalog::model_entry& model,
                                                        const backend_handover& from) {
    return streaming::stream_backend::make(context, model, protocol_for(model), &from);
}

}  // namespace corral::engine::openai_sse
