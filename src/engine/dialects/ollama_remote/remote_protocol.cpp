#include "engine/dialects/ollama_remote/remote_protocol.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "corral/catalog/model_name.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/core/time.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/streaming/event_answer.hpp"
#include "engine/streaming/request_fields.hpp"
#include "engine/streaming/stated_logprobs.hpp"

namespace corral::engine::ollama_remote {

namespace {

using nlohmann::json;
using namespace streaming;

constexpr std::size_t longest_line = 384 * 1024;  // read in one go, which holds the loop

// Discarded where it has more values than may hold the loop, too.
json parse_whole(std::string_view text) {
    return values_in(text) > most_values_of_whole ? json(json::value_t::discarded) : core::parse_json(text);
}

json options_of(const run_spec& spec, std::uint32_t context) {
    json out = json::object();
    for (const chat::sampling_option& option : chat::sampling_options) {
        std::visit(
            [&](auto member) {
                if (spec.sampling.*member) {
                    out[std::string(option.name)] = *(spec.sampling.*member);
                }
            },
            option.value);
    }
    if (spec.max_tokens) {
        out["num_predict"] = *spec.max_tokens - std::min(*spec.max_tokens - 1, spec.block_tokens);
    }
    if (context > 0) {
        out["num_ctx"] = context;
    }
    return out;
}

error_part error_from(unsigned status, const json& body) {
    error_part out;
    out.status = status;
    const auto found = body.find("error");
    if (found != body.end() && found->is_object()) {
        out.message = text_in(*found, "message");
    } else {
        out.message = text_in(body, "error");
    }
    out.context = context_refusal_in(found != body.end() ? *found : json(), out.message);
    out.busy = status == 429 || status == 503;
    return out;
}

class ndjson_reader final : public answer_reader {
public:
    ndjson_reader(std::optional<std::uint32_t> top_logprobs, bool tells_times)
        : top_logprobs_(top_logprobs), tells_times_(tells_times) {}
    core::result<void> feed(std::string_view bytes, std::vector<answer_part>& out) override {
        while (!bytes.empty()) {
            const std::size_t end = bytes.find('\n');
            line_.append(bytes.substr(0, end));
            if (line_.size() > longest_line) {
                return core::make_failure(core::errc::limit_exceeded,
                                          core::say("command.run-answer/line-answer"));
            }
            if (end == std::string_view::npos) {
                return {};
            }
            bytes.remove_prefix(end + 1);
            const std::string line = std::exchange(line_, {});
            if (auto read = read_line(line, out); !read) {
                return read;
            }
        }
        return {};
    }
    core::result<void> finish(std::vector<answer_part>& out) override {
        const std::string line = std::exchange(line_, {});
        return read_line(line, out);
    }

private:
    core::result<void> read_line(std::string_view line, std::vector<answer_part>& out) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos || over_) {
            return {};
        }
        if (line.size() > most_values && values_in(line) > most_values) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("runtime.protocol/runtime",
                                                fmt::format("a line of more than {} values", most_values)));
        }
        const json object = core::parse_json(line);
        if (!object.is_object()) {
            return core::make_failure(core::errc::protocol, core::say("runtime.protocol/line-answer"));
        }
        const auto error = object.find("error");
        if (error != object.end() && !error->is_null()) {
            out.emplace_back(error_from(0, object));
            return {};
        }
        read_text(object, out);
        const auto done = object.find("done");
        if (done != object.end() && done->is_boolean() && done->get<bool>()) {
            read_end(object, out);
        }
        return {};
    }
    void read_text(const json& object, std::vector<answer_part>& out) const {
        const auto logprobs = object.find("logprobs");
        if (top_logprobs_ && logprobs != object.end()) {
            out.emplace_back(logprobs_part{logprobs_in(*logprobs, *top_logprobs_)});
        }
        const auto message = object.find("message");
        const json& from = message != object.end() && message->is_object() ? *message : object;
        if (std::string thinking = text_in(from, "thinking"); !thinking.empty()) {
            out.emplace_back(thinking_part{std::move(thinking)});
        }
        std::string text = text_in(from, &from == &object ? "response" : "content");
        if (!text.empty()) {
            out.emplace_back(text_part{std::move(text)});
        }
    }
    void read_end(const json& object, std::vector<answer_part>& out) {
        over_ = true;
        const auto prompt = core::stated_count(object, "prompt_eval_count");
        const auto generated = core::stated_count(object, "eval_count");
        if (generated) {
            const auto cached = core::stated_count(object, "prompt_eval_cached_count");
            out.emplace_back(usage_part{prompt.value_or(0), *generated, cached.value_or(0)});
        }
        if (tells_times_) {
            stages_part took;
            took.stages.prefill = core::stated_span(object, "prompt_eval_duration", core::nanoseconds{1});
            took.stages.decode = core::stated_span(object, "eval_duration", core::nanoseconds{1});
            out.emplace_back(took);
        }
        finish_part end;
        end.word = text_in(object, "done_reason");
        end.why = end.word == "length"                     ? finish_part::reason::length
                  : end.word == "stop" || end.word.empty() ? finish_part::reason::stop
                                                           : finish_part::reason::other;
        out.emplace_back(std::move(end));
        out.emplace_back(end_part{});
    }

    std::optional<std::uint32_t> top_logprobs_;
    bool tells_times_;
    std::string line_;
    bool over_ = false;
};

}  // namespace

core::result<stream_request> remote_protocol::request_for(const run_spec& spec) const {
    spliced_body splices;
    json body = json::object();
    std::string format;  // in its own order, which a `json` would lose
    body["model"] = model_;
    body["stream"] = true;
    body["options"] = options_of(spec, context_);
    if (context_ > 0 || spec.whole) {
        // What does not fit is shortened here, where it is seen, and not there.
        body["truncate"] = false;
    }
    if (spec.top_logprobs) {
        body["logprobs"] = true;
        body["top_logprobs"] = *spec.top_logprobs;
    }
    if (!spec.format.is_null()) {
        format = spec.format.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    stream_request out;
    if (spec.prompt.verbatim) {
        out.target = "/api/generate";
        body["prompt"] = spec.prompt.turns;
        body["raw"] = true;
    } else {
        if (spec.prompt.messages.empty()) {
            return core::make_failure(core::errc::refused,
                                      core::say("request.conversation/conversation-messages"));
        }
        out.target = "/api/chat";
        body["messages"] = json::array();
        for (const chat::role_text& one : spec.prompt.messages) {
            json message{{"role", one.role}, {"content", one.text}};
            for (const auto& image : one.images) {
                message["images"].push_back(splices.stand_in(image));
            }
            body["messages"].push_back(std::move(message));
        }
        // Every model takes this one value (docs/facts/ollama_wire.md#think); what thinks would, without it.
        if (!spec.prompt.thinking) {
            body["think"] = false;
        } else if (!spec.think.is_null()) {
            body["think"] = spec.think;
        }
    }
    splices.fill(body, out);
    if (!format.empty()) {
        out.body.pop_back();
        out.body += R"(,"format":)" + format + "}";
    }
    return out;
}

std::unique_ptr<answer_reader> remote_protocol::reader(const run_spec& spec) const {
    return std::make_unique<ndjson_reader>(spec.top_logprobs, tells_times_);
}

error_part remote_protocol::error_of(unsigned status, std::string_view body) const {
    json object = parse_whole(body);
    if (object.is_object() && !object.contains("error")) {
        object["error"] = sentence_of_error(body);  // of what stands before Ollama, such as {"detail":"…"}
    }
    return error_from(status, object.is_object() ? object : json::object());
}

std::span<const std::string_view> remote_sampling() noexcept {
    static constexpr auto all = [] {
        std::array<std::string_view, chat::sampling_options.size()> names{};
        std::ranges::transform(chat::sampling_options, names.begin(), &chat::sampling_option::name);
        return names;
    }();
    return all;
}

namespace {

constexpr std::int64_t most_bytes = std::int64_t{1} << 50U;

std::uint64_t bytes_in(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end()
               ? 0
               : static_cast<std::uint64_t>(core::stated_number(*found, most_bytes).value_or(0));
}

// A word of another server that goes on to our clients.
std::string word_in(const json& object, const char* key) {
    constexpr std::size_t longest = 64;
    return telemetry::printable(text_in(object, key), longest);
}

// Of a list of models, the one of that name; null: it is not there, or that is no list.
const json* find_model(const json& list, std::string_view model) {
    const auto models = list.is_object() ? list.find("models") : list.end();
    if (!list.is_object() || models == list.end() || !models->is_array()) {
        return nullptr;
    }
    const auto found = std::find_if(models->begin(), models->end(), [&](const json& object) {
        return object.is_object() && catalog::same_model(text_in(object, "name"), model);
    });
    return found == models->end() ? nullptr : &*found;
}

}  // namespace

core::result<std::optional<stated_model>> model_listed(std::string_view tags, std::string_view model) {
    const json list = parse_whole(tags);
    if (!list.is_object() || !list.contains("models") || !list["models"].is_array()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.remote/answer-api"));
    }
    const json* const found = find_model(list, model);
    if (found == nullptr) {
        return std::optional<stated_model>();
    }
    stated_model out;
    out.size_bytes = bytes_in(*found, "size");
    const std::string digest = text_in(*found, "digest");
    const bool is_digest =
        digest.size() == 64 && digest.find_first_not_of("0123456789abcdef") == std::string::npos;
    out.digest = is_digest ? digest : std::string();
    out.modified = core::stamp_of(text_in(*found, "modified_at"));
    const auto details = found->find("details");
    if (details != found->end() && details->is_object()) {
        constexpr std::uint64_t longest_vector = 1U << 20U;
        out.embedding_length =
            static_cast<std::uint32_t>(std::min(bytes_in(*details, "embedding_length"), longest_vector));
        out.parameter_size = word_in(*details, "parameter_size");
        out.quantization = word_in(*details, "quantization_level");
    }
    return std::optional(std::move(out));
}

std::string show_question(std::string_view model) {
    return json{{"model", model}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

namespace {

constexpr std::size_t longest_fact = 256;

bool is_fact(const std::string& key, const json& value) {
    const bool short_text = !value.is_string() || value.get_ref<const std::string&>().size() <= longest_fact;
    return key.size() <= longest_fact && !value.is_structured() && short_text;
}

// Null where it is not what Ollama's `show` may say of a model's thinking.
json thinking_in(const json& shown) {
    constexpr std::size_t most_values = 16;
    const auto said = shown.find("thinking");
    if (said == shown.end() || !said->is_object() || !said->contains("values") ||
        !said->contains("default")) {
        return nullptr;
    }
    const json& values = (*said)["values"];
    const bool known = values.is_array() && values.size() <= most_values &&
                       std::ranges::all_of(values, [](const json& object) {
                           return object.is_boolean() ||
                                  (object.is_string() && !object.get_ref<const std::string&>().empty() &&
                                   is_fact("", object));
                       });
    if (!known || std::ranges::find(values, (*said)["default"]) == values.end()) {
        return nullptr;
    }
    return {{"values", values}, {"default", (*said)["default"]}};
}

// Null where it says none.
json facts_in(const json& shown, const char* key) {
    constexpr std::size_t most_facts = 512;
    const auto said = shown.find(key);
    if (said == shown.end() || !said->is_object()) {
        return nullptr;
    }
    json out = json::object();
    for (const auto& [name, value] : said->items()) {
        if (is_fact(name, value) && out.size() < most_facts) {
            out[name] = value;
        }
    }
    return out;
}

}  // namespace

shown_answer read_shown(std::string_view shown) {
    constexpr std::size_t longest_system = 64UL * 1024;
    const json answer = parse_whole(shown);
    const auto facts = std::make_shared<model_facts>();
    shown_answer out{{}, facts};
    if (!answer.is_object()) {
        return out;
    }
    if (std::string system = text_in(answer, "system"); system.size() <= longest_system) {
        out.system = std::move(system);
    }
    facts->thinking = thinking_in(answer);
    if (json info = facts_in(answer, "model_info"); info.is_object()) {
        facts->info = std::move(info);
    }
    facts->projector = facts_in(answer, "projector_info");
    if (const auto details = answer.find("details"); details != answer.end() && details->is_object()) {
        facts->format = text_in(*details, "format").substr(0, longest_fact);
    }
    return out;
}

std::optional<std::uint64_t> accelerator_share(std::string_view loaded, std::string_view model) {
    const json list = parse_whole(loaded);
    const json* const found = find_model(list, model);
    return found == nullptr ? std::nullopt : std::optional(bytes_in(*found, "size_vram"));
}

}  // namespace corral::engine::ollama_remote
