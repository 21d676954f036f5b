#include "engine/streaming/prefix_places.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace corral::engine::streaming {

namespace {

constexpr std::size_t most_text = 256UL * 1024;

std::size_t common_beginning(std::string_view one, std::string_view other) noexcept {
    const auto [at, there] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
    return static_cast<std::size_t>(at - one.begin());
}

// A copy of more would hold the loop, and nothing looks at it.
void add(std::string& to, std::string_view role, std::string_view text) {
    to.append(role).push_back('\x1f');
    to.append(text.substr(0, most_text)).push_back('\x1e');
}

}  // namespace

std::string prefix_text(const chat::rendered_prompt& prompt) {
    std::string out;
    if (prompt.verbatim || prompt.messages.empty()) {
        add(out, "", prompt.system);
        out += std::string_view(prompt.turns).substr(0, most_text);
        return out;
    }
    for (const chat::role_text& turn : prompt.messages) {
        if (out.size() > most_text) {
            break;
        }
        add(out, turn.role, turn.text);
        for (const auto& image : turn.images) {
            out += std::to_string(image->mark) + '\x1d';
        }
    }
    return out;
}

// A system prompt that many prompts share is no conversation: half of what was read there has to be in common.
std::size_t prefix_places::worth(const place& at, std::string_view text, std::string_view owner) noexcept {
    if (!at.used || at.owner != owner) {
        return 0;
    }
    const std::size_t common = common_beginning(at.text, text);
    return 2 * common >= at.text.size() ? common : 0;
}

// The one with the longest beginning of it; else one of its owner's or an unused one before those of others; the one
// that was left alone for longest of these.
std::optional<prefix_places::choice> prefix_places::take(std::string text, std::string_view owner) {
    place* best = nullptr;
    const auto rank = [&](const place& each) {
        return std::tuple(worth(each, text, owner), !each.used || each.owner == owner, ~each.last);
    };
    for (place& each : places_) {
        if (!each.taken && (best == nullptr || rank(each) > rank(*best))) {
            best = &each;
        }
    }
    if (best == nullptr) {
        return std::nullopt;
    }
    choice out;
    out.place = static_cast<std::size_t>(best - places_.data());
    if (kind_ == catalog::prefix_cache::llama_cpp) {
        out.slot = static_cast<unsigned>(out.place);
        out.computes_all = best->used && best->owner != owner;
    }
    text.resize(std::min(text.size(), most_text));
    *best = place{std::move(text), std::string(owner), true, true, ++uses_};
    return out;
}

void prefix_places::leave(const choice& was, bool read) {
    if (was.place >= places_.size()) {
        return;
    }
    place& at = places_[was.place];
    at.taken = false;
    if (!read) {
        at.text.clear();  // its owner stays: a part may have been computed
    }
}

void prefix_places::forget() {
    for (place& each : places_) {
        const bool taken = each.taken;
        each = place{};
        each.taken = taken;
    }
}

void prefix_places::doubt() {
    forget();
    for (place& each : places_) {
        each.used = true;
        each.owner = std::string(1, '\0');  // no key is called that
    }
}

std::size_t prefix_places::held(std::string_view text, std::string_view owner) const noexcept {
    std::size_t most = 0;
    for (const place& each : places_) {
        most = std::max(most, each.taken ? 0 : worth(each, text, owner));
    }
    return most;
}

}  // namespace corral::engine::streaming
