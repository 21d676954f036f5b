#include "engine/dialects/ax_sse/ax_sse_reader.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "engine/streaming/request_fields.hpp"

namespace corral::engine::ax_sse {

namespace {

using nlohmann::json;
using streaming::answer_part;

constexpr std::size_t most_whole = 16UL * 1024 * 1024;
constexpr std::size_t deepest = 32;

// nlohmann's parser makes a tree of any depth, and crashes when it goes.
bool nests_too_deep_for_tree(std::string_view text) {
    std::size_t depth = 0;
    for (const char c : text) {
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= (c == '}' || c == ']') && depth > 0 ? 1 : 0;
        if (depth > deepest) {
            return true;
        }
    }
    return false;
}

void take_choice(const json& choice, std::vector<answer_part>& out) {
    for (const char* key : {"delta", "message"}) {
        const auto message = choice.find(key);
        if (message == choice.end() || !message->is_object()) {
            continue;
        }
        const auto content = message->find("content");
        if (content != message->end() && content->is_string() &&
            !content->get_ref<const std::string&>().empty()) {
            out.emplace_back(streaming::text_part{content->get<std::string>()});
        }
    }
    const auto finish = choice.find("finish_reason");
    if (finish != choice.end() && finish->is_string()) {
        using reason = streaming::finish_part::reason;
        const auto word = finish->get<std::string>();
        const reason why = word == "stop" ? reason::stop : word == "length" ? reason::length : reason::other;
        out.emplace_back(streaming::finish_part{why, word});
    }
}

}  // namespace

core::result<void> ax_sse_reader::feed(std::string_view bytes, std::vector<answer_part>& out) {
    if (!begun_ && !bytes.empty()) {
        begun_ = true;
        is_whole_ = bytes.front() == '{';
    }
    if (is_whole_) {
        whole_ += bytes.substr(0, most_whole + 1 - std::min(whole_.size(), most_whole));
        if (whole_.size() > most_whole) {
            return core::make_failure(core::errc::limit_exceeded,
                                      "The runtime's answer is longer than 16 MiB.");
        }
        return {};
    }
    events_.clear();
    auto framed = lines_.feed(bytes, events_);
    for (const std::string& event : events_) {
        if (const auto taken = take(event, out); !taken) {
            return taken.error();
        }
    }
    return framed;
}

core::result<void> ax_sse_reader::finish(std::vector<answer_part>& out) {
    if (is_whole_) {
        auto taken = take(whole_, out);
        if (taken) {
            out.emplace_back(streaming::end_part{});
        }
        return taken;
    }
    events_.clear();
    lines_.finish(events_);
    for (const std::string& event : events_) {
        if (const auto taken = take(event, out); !taken) {
            return taken.error();
        }
    }
    return {};
}

core::result<void> ax_sse_reader::take(const std::string& data, std::vector<answer_part>& out) {
    if (ended_) {
        return {};
    }
    if (data == "[DONE]") {
        ended_ = true;
        out.emplace_back(streaming::end_part{});
        return {};
    }
    const json event = nests_too_deep_for_tree(data) ? json() : json::parse(data, nullptr, false);
    if (!event.is_object()) {
        return core::make_failure(core::errc::protocol, "The runtime sent an event that is no JSON object.");
    }
    if (event.contains("error")) {
        out.emplace_back(streaming::error_part{.message = streaming::sentence_of_error(data)});
        return {};
    }
    const auto choices = event.find("choices");
    if (choices == event.end() || !choices->is_array()) {
        return core::make_failure(core::errc::protocol, "The runtime sent an event without \"choices\".");
    }
    for (const json& choice : *choices) {
        if (choice.is_object()) {
            take_choice(choice, out);
        }
    }
    return {};
}

}  // namespace corral::engine::ax_sse
