#include "engine/dialects/openai_sse/openai_protocol.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/package/gguf_header.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/openai_sse/openai_reader.hpp"

namespace corral::engine::openai_sse {

namespace {

using nlohmann::json;

// A value under the name that this server has for it.
void add_sampling_value(json& body, const std::string& name, const chat::sampling& asked) {
    for (const chat::sampling_option& option : chat::sampling_options) {
        if (name == option.name || name == option.other_name) {
            std::visit(
                [&](auto member) {
                    if (asked.*member) {
                        body[name] = *(asked.*member);
                    }
                },
                option.value);
        }
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

// docs/facts/other_runtimes.md#logprobs
void add_logprobs(json& body, catalog::logprob_form form, bool verbatim, std::uint32_t top) {
    using catalog::logprob_form;
    if (form == logprob_form::none) {
        return;
    }
    // Without one of the likeliest llama.cpp tells nothing.
    const std::uint32_t asked = form == logprob_form::llama_cpp ? std::max(top, 1U) : top;
    if (!verbatim) {
        body["logprobs"] = true;
        body["top_logprobs"] = asked;
    } else {
        body[form == logprob_form::llama_cpp ? "n_probs" : "logprobs"] = asked;
    }
}

// A text, or parts: the images, then the text. Without `splices` the text alone.
json content_of(const chat::role_text& turn, streaming::spliced_body* splices) {
    if (turn.images.empty() || splices == nullptr) {
        return turn.text;
    }
    json parts = json::array();
    for (const auto& image : turn.images) {
        const std::string url = "data:" + image->type + ";base64," + splices->stand_in(image);
        parts.push_back({{"type", "image_url"}, {"image_url", {{"url", url}}}});
    }
    if (!turn.text.empty()) {
        parts.push_back({{"type", "text"}, {"text", turn.text}});
    }
    return parts;
}

// A template that has the system prompt before the newest question takes results of tools for one, for they speak as the
// user; the text would move with each call. It goes where a person's question is.
void put_system_at_question(std::vector<chat::role_text>& turns) {
    const auto is_users = [](const chat::role_text& one) { return one.role == "user"; };
    const auto is_question = [](const chat::role_text& one) { return one.role == "user" && !one.results; };
    const auto newest = std::find_if(turns.rbegin(), turns.rend(), is_users);
    const auto question = std::find_if(newest, turns.rend(), is_question);
    if (newest == question || question == turns.rend() || turns.front().role != "system") {
        return;
    }
    question->text.insert(0, turns.front().text + "\n\n");
    turns.erase(turns.begin());
}

}  // namespace

json openai_protocol::messages_of(const chat::rendered_prompt& prompt,
                                  streaming::spliced_body* splices) const {
    using catalog::conversation_form;
    const conversation_form form = traits_.conversation;
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
    if (form == conversation_form::messages && system_at_question_) {
        put_system_at_question(turns);
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
        out.push_back({{"role", turn.role}, {"content", content_of(turn, splices)}});
    }
    return out;
}

core::result<streaming::stream_request> openai_protocol::request_for(const run_spec& spec) const {
    const chat::rendered_prompt& prompt = spec.prompt;
    if (prompt.verbatim && traits_.completion_target.empty()) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    const bool has_images = !chat::images_of(prompt).empty();
    const bool takes_images =
        !prompt.verbatim && traits_.conversation != catalog::conversation_form::single_message;
    if (has_images && !takes_images) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/takes-images"));
    }
    streaming::spliced_body splices;
    json body = json::object();
    if (!traits_.model_name.empty()) {
        body["model"] = traits_.model_name;
    }
    body["stream"] = traits_.streams;
    if (prompt.verbatim) {
        body["prompt"] = prompt.turns;
    } else {
        body["messages"] = messages_of(prompt, &splices);
    }
    if (traits_.streams && traits_.asks_for_usage) {
        body["stream_options"] = {{"include_usage", true}};
        if (traits_.counts == catalog::count_source::vllm) {
            body["stream_options"]["continuous_usage_stats"] = true;
        }
    }
    if (traits_.streams && traits_.timings == catalog::timing_source::llama_cpp) {
        body["return_progress"] = true;
    }
    add_limit(body, traits_, spec.max_tokens);
    for (const std::string& name : traits_.sampling) {
        add_sampling_value(body, name, spec.sampling);
    }
    if (spec.top_logprobs) {
        add_logprobs(body, traits_.logprobs, prompt.verbatim, *spec.top_logprobs);
    }
    if (const auto added = streaming::add_profile_fields(body, traits_, prompt); !added) {
        return added.error();
    }
    // docs/facts/other_runtimes.md#prefix-caches
    if (traits_.prefix_cache == catalog::prefix_cache::llama_cpp) {
        body["cache_prompt"] = !spec.computes_all;
        if (spec.slot) {
            body["id_slot"] = *spec.slot;
        }
    } else if (traits_.prefix_cache == catalog::prefix_cache::vllm && !spec.cache_salt.empty()) {
        body["cache_salt"] = spec.cache_salt;
    }
    const std::string& target = prompt.verbatim ? traits_.completion_target : traits_.chat_target;
    streaming::stream_request out{.target = target};
    splices.fill(body, out);
    out.body = with_format(std::move(out.body), spec);  // behind all inserts
    return out;
}

// The order of a schema's properties is the order in which the model writes them, and `json` would sort them.
std::string openai_protocol::with_format(std::string body, const run_spec& spec) const {
    using catalog::format_form;
    if (spec.format.is_null() || traits_.formats == format_form::none) {
        return body;
    }
    const bool any = spec.format == "json";
    const bool own_key = spec.prompt.verbatim && traits_.formats == format_form::llama_cpp;
    nlohmann::ordered_json value;
    if (own_key) {
        value = any ? nlohmann::ordered_json::object() : spec.format;
    } else if (any) {
        value = {{"type", "json_object"}};
    } else {
        value = {{"type", "json_schema"},
                 {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", spec.format}}}};
    }
    body.pop_back();
    body += own_key ? R"(,"json_schema":)" : R"(,"response_format":)";
    body += value.dump(-1, ' ', false, json::error_handler_t::replace);
    body += '}';
    return body;
}

// docs/facts/other_runtimes.md#counting-a-prompt
std::optional<streaming::stream_request> openai_protocol::size_question(
    const chat::rendered_prompt& prompt, const std::optional<std::string>& text) const {
    using catalog::count_source;
    json body = json::object();
    if (traits_.counts == count_source::llama_cpp && (text || prompt.verbatim)) {
        body = {{"content", text ? *text : prompt.turns}, {"add_special", true}, {"parse_special", true}};
        return streaming::stream_request{.target = "/tokenize", .body = streaming::body_bytes(body)};
    }
    if (traits_.counts == count_source::none || text) {
        return std::nullopt;
    }
    if (!traits_.model_name.empty()) {
        body["model"] = traits_.model_name;
    }
    if (prompt.verbatim) {
        body["prompt"] = prompt.turns;
    } else {
        body["messages"] = messages_of(prompt, nullptr);
        if (!streaming::add_profile_fields(body, traits_, prompt)) {
            return std::nullopt;
        }
    }
    const bool by_template = traits_.counts == count_source::llama_cpp;
    return streaming::stream_request{.target = by_template ? "/apply-template" : "/tokenize",
                                     .body = streaming::body_bytes(body)};
}

core::result<streaming::size_answer> openai_protocol::size_in(std::string_view body) const {
    const json answer = core::parse_json(body);
    streaming::size_answer out;
    if (answer.is_object()) {
        out.tokens = core::stated_count(answer, "count");
        if (const auto tokens = answer.find("tokens");
            !out.tokens && tokens != answer.end() && tokens->is_array()) {
            out.tokens = static_cast<std::uint32_t>(std::min<std::size_t>(tokens->size(), core::most_stated));
        }
        out.text = streaming::text_in(answer, "prompt");
    }
    if (!out.tokens && out.text.empty()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.count-not-known/answer-neither"));
    }
    return out;
}

namespace {

// As Ollama names it: "Q4_K - Medium" is Q4_K_M, "(guessed) all F32" F32.
std::string quantization_in(std::string said) {
    for (const std::string_view before : {"(guessed) ", "all ", "mostly "}) {
        if (said.starts_with(before)) {
            said.erase(0, before.size());
        }
    }
    const std::size_t end = std::min(said.find(' '), said.size());
    constexpr std::string_view separator = " - ";
    const char size = said.substr(end).starts_with(separator) ? said[end + separator.size()] : '\0';
    const bool named = size == 'S' || size == 'M' || size == 'L';
    return said.substr(0, end) + (named ? std::string("_") + size : std::string());
}

}  // namespace

// `meta` of llama.cpp (docs/facts/other_runtimes.md#llama-server). Where nothing is counted, what the server says of its
// sizes is all that is known of them.
std::string openai_protocol::model_question() const {
    const bool counts =
        traits_.usage == catalog::usage_trust::tokens || traits_.counts != catalog::count_source::none;
    return traits_.timings == catalog::timing_source::llama_cpp || !counts ? "/v1/models" : "";
}

// docs/facts/other_runtimes.md#axllm-serve
streaming::stated_sizes openai_protocol::sizes_in(std::string_view body) const {
    streaming::stated_sizes out;
    const json answer = core::parse_json(body);
    const json::json_pointer place("/data/0");
    const json model = answer.is_object() && answer.contains(place) ? answer.at(place) : json();
    if (model.is_object()) {
        out.context = core::stated_count(model, "max_token_len").value_or(0);
        out.prompt = core::stated_count(model, "prefill_max_token_num").value_or(0);
    }
    return out;
}

stated_model openai_protocol::model_in(std::string_view body) const {
    stated_model out;
    const json answer = core::parse_json(body);
    const json::json_pointer place("/data/0/meta");
    const json meta = answer.is_object() && answer.contains(place) ? answer.at(place) : json();
    if (!meta.is_object()) {
        return out;
    }
    const auto number = [&meta](const char* key) {
        constexpr std::int64_t most = std::int64_t{1} << 50U;
        const auto found = meta.find(key);
        return found == meta.end() ? 0 : core::stated_number(*found, most).value_or(0);
    };
    constexpr std::int64_t longest_vector = 1 << 20U;
    out.size_bytes = static_cast<std::uint64_t>(number("size"));
    out.embedding_length = static_cast<std::uint32_t>(std::min(number("n_embd"), longest_vector));
    constexpr std::size_t longest = 40;
    out.quantization = quantization_in(telemetry::printable(streaming::text_in(meta, "ftype"), longest));
    if (const std::int64_t parameters = number("n_params"); parameters > 0) {
        out.parameter_size = package::parameter_words(static_cast<std::uint64_t>(parameters));
    }
    return out;
}

std::unique_ptr<streaming::answer_reader> openai_protocol::reader(const run_spec& spec) const {
    return std::make_unique<openai_reader>(traits_, spec.top_logprobs);
}

streaming::error_part openai_protocol::error_of(unsigned status, std::string_view body) const {
    streaming::error_part out = error_in(body);
    out.status = status;
    const auto& busy = traits_.busy_statuses;
    out.busy = std::find(busy.begin(), busy.end(), status) != busy.end();
    return out;
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    auto traits = streaming::expanded_traits(model);
    if (!traits) {
        return traits.error();
    }
    std::unique_ptr<streaming::stream_protocol> made = std::make_unique<openai_protocol>(std::move(*traits));
    return made;
}

}  // namespace corral::engine::openai_sse
