#include "engine/dialects/ax_poll/ahead_policy.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/dialects/ax_poll/cache_ledger.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t remembered = 8;
constexpr std::size_t enough = 2;
constexpr unsigned most_failures = 2;
constexpr double least_odds = 0.5;
constexpr core::nanoseconds no_wait = 250ms;  // a call that is given up takes a moment
constexpr unsigned late = 32;
constexpr unsigned longest_rest = 256;  // requests
constexpr core::nanoseconds usual_pause = 500ms;
constexpr core::nanoseconds least_pause = 200ms;
constexpr core::nanoseconds most_pause = 2s;

double seconds_of(core::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

}  // namespace

void ahead_policy::note(next_turn what, core::nanoseconds pause, core::nanoseconds takes,
                        core::steady_time now) {
    const core::nanoseconds begins = this->pause();
    if (last_.size() == remembered) {
        last_.pop_front();
    }
    last_.push_back({what, pause, now});
    if (rests_ > 0) {
        // What it would have been, which costs nobody anything.
        if (what != next_turn::other) {
            saved_ += takes;
        } else if (pause >= begins && pause < begins + takes) {
            waited_ += begins + takes - pause;
        }
        if (--rests_ == 0) {
            rests_ = costs_too_much() ? next_rest_ : 0;
            saved_ = waited_ = 0ns;
        }
    } else if (++noted_ % late == 0) {
        saved_ /= 2;
        waited_ /= 2;
        next_rest_ = std::max(next_rest_ / 2, late);
    }
}

std::size_t ahead_policy::count(next_turn what) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(last_, [what](const seen& one) { return one.what == what; }));
}

// Half of the usual: who asks sooner meets an idle runtime, and most later ones a cache that is ready.
core::nanoseconds ahead_policy::pause() const {
    std::vector<core::nanoseconds> pauses;
    for (const seen& one : last_) {
        if (one.what != next_turn::other) {
            pauses.push_back(one.pause);
        }
    }
    if (pauses.empty()) {
        return usual_pause;
    }
    const auto middle = pauses.begin() + static_cast<std::ptrdiff_t>(pauses.size() / 2);
    std::nth_element(pauses.begin(), middle, pauses.end());
    return std::clamp<core::nanoseconds>(*middle / 2, least_pause, most_pause);
}

double ahead_policy::odds(bool conversation) const {
    if (last_.size() < enough) {
        return 0.0;
    }
    const std::size_t fit = count(next_turn::continues) + (conversation ? 0 : count(next_turn::shares));
    return static_cast<double>(fit) / static_cast<double>(last_.size());
}

bool ahead_policy::likely(bool conversation) const {
    return odds(conversation) >= least_odds;
}

// Who comes at random while it is computed waits for half of it, in the mean.
bool ahead_policy::pays(bool conversation, core::nanoseconds takes, core::nanoseconds saves) const {
    if (failures_ >= most_failures || rests_ > 0 || !likely(conversation) || saves <= 0ns) {
        return false;
    }
    const double span = seconds_of(last_.back().at - last_.front().at);
    const auto others = static_cast<double>(count(next_turn::other));
    const double rate = others == 0 ? 0.0 : others / std::max(span, seconds_of(takes));
    const double cost = rate * seconds_of(takes) * seconds_of(takes) / 2;
    return cost <= share_ * odds(conversation) * seconds_of(saves);
}

bool ahead_policy::costs_too_much() const {
    return seconds_of(waited_) > share_ * seconds_of(saved_) + seconds_of(no_wait);
}

void ahead_policy::made() {
    if (++figures_.made % late == 0) {
        failures_ = 0;
    }
}

void ahead_policy::hit(core::nanoseconds saved) {
    ++figures_.hits;
    figures_.saved += saved;
    saved_ += saved;
}

void ahead_policy::held_up(core::nanoseconds waited) {
    figures_.waited += waited;
    waited_ += waited;
    if (rests_ == 0 && costs_too_much()) {
        rests_ = next_rest_;
        next_rest_ = std::min(next_rest_ * 2, longest_rest);
        saved_ = waited_ = 0ns;
    }
}

namespace {

// Ids of a prompt with that beginning that the cache of now serves: it must begin with all that is held.
std::size_t served_by_cache(const token_ids& beginning, const token_ids* held, bool conversation) {
    const bool serves =
        held != nullptr && (begins_with(beginning, *held) || (conversation && begins_with(*held, beginning)));
    return serves ? std::min(held->size(), beginning.size()) : 0;
}

}  // namespace

core::nanoseconds prefill_spared(std::size_t cached, std::size_t prompt, const reading_time& reading_of) {
    return reading_of(prompt) - reading_of(prompt - std::min(cached, prompt));
}

token_ids best_beginning(const ahead_policy& seen, beginnings of, const catalog::context_sizes& sizes,
                         const reading_time& reading_of) {
    const std::size_t most = most_system_tokens(sizes);
    of.of_conversation.resize(std::min(of.of_conversation.size(), most));
    of.shared.resize(std::min(of.shared.size(), most));
    const auto spared_by = [&](bool conversation, std::size_t tokens) {
        return tokens > 0 ? seen.odds(conversation) * core::as_seconds(reading_of(tokens)) : 0.0;
    };
    // What the cache of now spares; it goes with whatever is computed.
    const std::size_t kept_of_conversation = served_by_cache(of.of_conversation, of.held, true);
    const std::size_t kept_of_shared = served_by_cache(of.shared, of.held, false);
    const double kept = std::max(spared_by(true, kept_of_conversation), spared_by(false, kept_of_shared));
    // Whoever goes on loses nothing: a further turn that the cache serves whole is worth more than another try of the last.
    const bool held_whole =
        kept_of_conversation > 0 && of.of_conversation.size() < kept_of_conversation + sizes.chunk;
    if (held_whole && seen.likely(true)) {
        return {};
    }
    token_ids best;
    double gained = 0.0;
    for (const bool conversation : {true, false}) {
        token_ids& ids = conversation ? of.of_conversation : of.shared;
        const std::size_t there = conversation ? kept_of_conversation : kept_of_shared;
        const double odds = seen.odds(conversation);
        if (ids.size() < there + sizes.chunk || ids.size() < 2 || odds <= 0.0) {
            continue;
        }
        const double gain = spared_by(conversation, ids.size()) - kept;
        const core::nanoseconds saves{std::llround(gain / odds * 1e9)};
        if (gain > gained && seen.pays(conversation, reading_of(ids.size()), saves)) {
            gained = gain;
            best = std::move(ids);
        }
    }
    return best;
}

}  // namespace corral::engine::ax_poll
