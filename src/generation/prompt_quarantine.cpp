#include "generation/prompt_quarantine.hpp"

#include <algorithm>

namespace corral::generation {

namespace {

// Of a part that is longer its beginning, its end and its length.
constexpr std::size_t most_of_a_part = 128UL * 1024;
constexpr std::size_t most_kept = 500;
constexpr std::string_view restarting = " It is being restarted.";

void feed(core::keyed_hash& into, std::string_view part) {
    if (part.size() <= most_of_a_part) {
        into.feed_part(part);
        return;
    }
    into.feed_part(std::to_string(part.size()));
    into.feed_part(part.substr(0, most_of_a_part / 2));
    into.feed_part(part.substr(part.size() - most_of_a_part / 2));
}

void feed(core::keyed_hash& into, const chat::message& message) {
    feed(into, std::to_string(static_cast<int>(message.from)));
    feed(into, message.content);
    feed(into, message.thinking);
    feed(into, message.tool_name);
    for (const auto& image : message.images) {
        feed(into, std::to_string(image->mark));
    }
    for (const chat::tool_call& call : message.calls) {
        feed(into, call.name);
        feed(into, call.arguments.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    }
}

}  // namespace

prompt_mark prompt_quarantine::mark_of(prompt_mark content, const std::string& lane, unsigned tier) const {
    core::keyed_hash hash(key_);
    feed(hash, std::to_string(content));
    feed(hash, lane);
    feed(hash, std::to_string(tier));
    return hash.result();
}

prompt_mark prompt_quarantine::content_of(const chat::generation_request& request) const {
    core::keyed_hash hash(key_);
    for (const chat::message& each : request.messages) {
        feed(hash, each);
    }
    feed(hash, request.raw_prompt ? "raw " + *request.raw_prompt : std::string());
    if (request.hole) {
        feed(hash, request.hole->prefix);
        feed(hash, request.hole->suffix);
    }
    feed(hash, request.prompt_template);
    feed(hash, std::to_string(static_cast<int>(request.thinking)) + request.effort);
    for (const nlohmann::ordered_json* const each : {&request.tools, &request.format}) {
        feed(hash, each->is_null()
                       ? std::string()
                       : each->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    }
    return hash.result();
}

void prompt_quarantine::note(prompt_mark prompt, const engine::run_loss& loss, std::uint64_t stand,
                             core::steady_time now) {
    if (loss.what == engine::run_loss::how::none) {
        return;
    }
    if (!known_.contains(prompt)) {
        make_room(now);
    }
    entry& of = known_[prompt];
    if (of.stand != stand || !is_remembered(of, now)) {
        of = {};
    }
    if (of.halves == 0) {
        of.lasts = rule_.lasts;
    } else if (now - of.at >= of.lasts) {
        of.lasts = std::min(2 * of.lasts, rule_.longest);
    }
    of.halves += loss.shared ? 1 : 2;
    ++(loss.what == engine::run_loss::how::died ? of.deaths : of.hangs);
    of.last = loss.sentence.substr(0, most_kept);
    if (of.last.ends_with(restarting)) {
        of.last.resize(of.last.size() - restarting.size());  // long over when it is read
    }
    of.stand = stand;
    of.at = now;
}

std::optional<prompt_record> prompt_quarantine::find(prompt_mark prompt, std::uint64_t stand,
                                                     core::steady_time now) const {
    const auto found = known_.find(prompt);
    if (found == known_.end()) {
        return std::nullopt;
    }
    const entry& of = found->second;
    if (of.stand != stand || now - of.at >= of.lasts) {
        return std::nullopt;
    }
    return prompt_record{of.halves / 2, of.deaths, of.hangs, of.last, core::later(of.at, of.lasts)};
}

void prompt_quarantine::make_room(core::steady_time now) {
    std::erase_if(known_, [&](const auto& one) { return !is_remembered(one.second, now); });
    if (known_.size() >= rule_.most) {
        known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
            return a.second.at < b.second.at;
        }));
    }
}

}  // namespace corral::generation
