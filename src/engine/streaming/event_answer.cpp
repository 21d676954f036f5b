#include "engine/streaming/event_answer.hpp"

#include <utility>

#include <fmt/format.h>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"

namespace corral::engine::streaming {

namespace {

constexpr std::size_t most_whole = 384UL * 1024;
constexpr std::size_t most_unparsed = 4UL * 1024;
constexpr std::string_view last_event = "[DONE]";

}  // namespace

std::size_t values_in(std::string_view json) noexcept {
    std::size_t out = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < json.size(); ++at) {
        const char c = json[at];
        at += quoted && c == '\\' ? 1 : 0;
        quoted = quoted != (c == '"');
        out += !quoted && (c == ',' || c == '[' || c == '{') ? 1 : 0;
    }
    return out;
}

core::result<void> event_answer::feed(std::string_view bytes, std::vector<answer_part>& out) {
    if (!begun_) {
        const std::size_t first = bytes.find_first_not_of(" \t\r\n");
        if (first == std::string_view::npos) {
            return {};
        }
        bytes.remove_prefix(first);
        begun_ = true;
        is_whole_ = bytes.front() == '{';
    }
    if (is_whole_) {
        if (whole_.size() + bytes.size() > most_whole) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("runtime.protocol/event-kib", most_whole >> 10U));
        }
        whole_ += bytes;
        return {};
    }
    events_.clear();
    auto framed = lines_.feed(bytes, events_);
    for (const std::string& event : events_) {
        if (const auto taken = take_data(event, out); !taken) {
            return taken.error();
        }
    }
    return framed;
}

core::result<void> event_answer::finish(std::vector<answer_part>& out) {
    if (is_whole_) {
        auto taken = take_data(whole_, out);
        if (taken) {
            out.emplace_back(end_part{});
        }
        return taken;
    }
    events_.clear();
    lines_.finish(events_);
    for (const std::string& event : events_) {
        // Cut in the middle of an event: what came before it counts, and the end is missing.
        if (event != last_event && core::parse_json(event).is_discarded()) {
            return {};
        }
        if (const auto taken = take_data(event, out); !taken) {
            return taken.error();
        }
    }
    return {};
}

core::result<void> event_answer::take_data(const std::string& data, std::vector<answer_part>& out) {
    if (ended_) {
        return {};
    }
    if (data == last_event) {
        ended_ = true;
        out.emplace_back(end_part{});
        return {};
    }
    const std::size_t most = is_whole_ ? most_values_of_whole : most_values;
    if (data.size() > most && values_in(data) > most) {
        return core::make_failure(
            core::errc::limit_exceeded,
            core::say("runtime.protocol/runtime", fmt::format("an event of more than {} values", most)));
    }
    if (data.size() <= most_unparsed && take_unparsed(data, out)) {
        return {};
    }
    const nlohmann::json event = core::parse_json(data);
    if (!event.is_object()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/sent-event"));
    }
    return take(event, data, out);
}

std::string text_in(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void take_finish(const nlohmann::json& choice, std::vector<answer_part>& out) {
    std::string word = text_in(choice, "finish_reason");
    if (word.empty()) {
        return;
    }
    if (word == "abort" || word == "error") {  // vLLM's engine gave the run up
        error_part cut;
        cut.message = "finish_reason " + word;
        out.emplace_back(std::move(cut));
        return;
    }
    using reason = finish_part::reason;
    const reason why = word == "stop" ? reason::stop : word == "length" ? reason::length : reason::other;
    out.emplace_back(finish_part{why, std::move(word)});
}

}  // namespace corral::engine::streaming
