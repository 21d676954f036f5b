#include "engine/dialects/rkllm_gradio/gradio_protocol.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "engine/streaming/event_answer.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::rkllm_gradio {

namespace {

constexpr std::string_view spaces = " \t\n\v\f\r";
constexpr std::size_t most_values = 64;  // of an event; a history of one pair has five

bool is_space(char c) {
    return spaces.find(c) != std::string_view::npos;
}

// `[[[question, answer]]]`; nothing before its first word: `[null]`.
std::optional<std::string> answer_in(const nlohmann::json& event) {
    if (!event.is_array() || event.empty() || !event[0].is_array() || event[0].empty()) {
        return std::nullopt;
    }
    const nlohmann::json& pair = event[0].back();
    return pair.is_array() && pair.size() == 2 && pair[1].is_string()
               ? std::optional(pair[1].get<std::string>())
               : std::nullopt;
}

// Null, a text, or an object with one of both.
std::string words_of(const nlohmann::json& error, const std::string& data) {
    const bool is_object = error.is_object() && error.contains("error");
    const nlohmann::json& why = is_object ? error["error"] : error;
    if (why.is_null()) {
        return "Gradio gives no reason, but its log may";
    }
    return streaming::sentence_of_error(why.is_string() ? nlohmann::json{{"error", why}}.dump() : data);
}

}  // namespace

core::result<void> gradio_reader::feed(std::string_view bytes, std::vector<streaming::answer_part>& out) {
    events_.clear();
    auto framed = lines_.feed(bytes, events_);
    for (const std::string& event : events_) {
        if (const auto taken = take(event, out); !taken) {
            return taken.error();
        }
    }
    return framed;
}

core::result<void> gradio_reader::finish(std::vector<streaming::answer_part>& /*out*/) {
    return {};
}

core::result<void> gradio_reader::take(std::string_view event, std::vector<streaming::answer_part>& out) {
    const std::size_t line = event.find('\n');
    const std::string_view name = event.substr(0, line);
    const std::string data(event.substr(line + 1));
    const bool completes = name == "complete";
    if (ended_ || (name != "error" && name != "generating" && !completes)) {
        return {};  // a sign of life
    }
    if (streaming::values_in(data) > most_values) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("runtime.protocol/runtime", "an event of too many values"));
    }
    const nlohmann::json json = core::parse_json(data);
    if (name == "error") {
        ended_ = true;
        out.emplace_back(streaming::error_part{.status = 0, .message = words_of(json, data)});
        return {};
    }
    if (json.is_discarded()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/sent-event"));
    }
    if (std::optional<std::string> all = answer_in(json)) {
        const auto fresh = beyond(*all);
        if (!fresh) {
            return core::make_failure(core::errc::protocol,
                                      core::say("runtime.protocol/runtime", "taken back what it had said"));
        }
        if (!fresh->empty()) {
            out.emplace_back(streaming::text_part{std::string(*fresh)});
            said_ = std::move(*all);
        }
    }
    if (completes && said_.empty()) {
        // A run that failed ends like one that is over.
        out.emplace_back(streaming::error_part{.status = 0, .message = "its answer has no word"});
    }
    ended_ = completes;
    if (completes) {
        out.emplace_back(streaming::end_part{});
    }
    return {};
}

std::optional<std::string_view> gradio_reader::beyond(std::string_view all) const {
    if (all.starts_with(said_)) {
        return all.substr(said_.size());
    }
    std::size_t at = 0;
    for (const char c : said_) {
        if (is_space(c)) {
            continue;
        }
        at = std::min(all.find_first_not_of(spaces, at), all.size());
        if (at == all.size() || all[at] != c) {
            return std::nullopt;
        }
        ++at;
    }
    std::string_view rest = all.substr(at);
    std::string_view behind = said_;
    behind.remove_prefix(said_.find_last_not_of(spaces) + 1);
    while (!rest.empty() && !behind.empty() && rest.front() == behind.front()) {
        rest.remove_prefix(1);
        behind.remove_prefix(1);
    }
    return rest;
}

namespace {

constexpr std::string_view newer_prefix = "/gradio_api";
constexpr std::size_t longest_event = 64;
constexpr unsigned ok = 200;
constexpr unsigned not_found = 404;

// It becomes a part of a path.
bool is_event(std::string_view name) {
    return !name.empty() && name.size() <= longest_event && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
}

bool go_on(http::stream_call& call, unsigned status, std::string_view body) {
    if (status == not_found && call.target.starts_with(newer_prefix)) {
        call.target.erase(0, newer_prefix.size());
        return true;
    }
    if (status != ok || streaming::values_in(body) > 2) {
        return false;
    }
    const nlohmann::json reply = core::parse_json(body);
    const std::string event = reply.is_object() ? streaming::text_in(reply, "event_id") : std::string();
    if (!is_event(event)) {
        return false;
    }
    call.method = "GET";
    call.target += "/" + event;
    call.body.clear();
    return true;
}

}  // namespace

core::result<streaming::stream_request> gradio_protocol::request_for(const run_spec& spec) const {
    if (spec.prompt.verbatim) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    std::string text = streaming::single_message(spec.prompt);
    std::erase(text, '\0');  // it would end the C string that the library gets
    const nlohmann::json turn = nlohmann::json::array({text, nullptr});
    nlohmann::json body = nlohmann::json::object();
    body["data"] = nlohmann::json::array({nlohmann::json::array({turn})});
    return streaming::stream_request{traits_.chat_target, streaming::body_bytes(body), {}};
}

streaming::next_call gradio_protocol::next() const {
    return &go_on;
}

std::unique_ptr<streaming::answer_reader> gradio_protocol::reader(const run_spec& /*what*/) const {
    return std::make_unique<gradio_reader>();
}

streaming::error_part gradio_protocol::error_of(unsigned status, std::string_view body) const {
    return {.status = status, .message = streaming::sentence_of_error(body), .context = std::nullopt};
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    std::unique_ptr<streaming::stream_protocol> made =
        std::make_unique<gradio_protocol>(model.runtime.traits);
    return made;
}

}  // namespace corral::engine::rkllm_gradio
