#pragma once
// Whether it pays to compute the beginning of a prompt before somebody asks it (docs/polled_cycle.md#ahead): learned
// from what the last requests were to the one before each. No I/O.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

// What a request was to the one before it.
enum class next_turn {
    continues,  // the same conversation, one turn on
    shares,     // another one that begins with the same text
    other,
};

struct ahead_figures {
    std::uint64_t made = 0;
    std::uint64_t hits = 0;       // of these, a prompt went behind them
    core::nanoseconds saved{0};   // of reading, by these
    core::nanoseconds waited{0};  // by requests that found one under way which was not theirs
};

class ahead_policy {
public:
    // Of what is saved, others may wait for so much in the mean.
    void allow(double share_of_saving) noexcept { share_ = share_of_saving; }

    // `pause`: between the end of the one before and its coming; `takes`: to compute the conversation of the one before.
    void note(next_turn what, core::nanoseconds pause, core::nanoseconds takes, core::steady_time now);

    // So long the runtime must have stood idle.
    [[nodiscard]] core::nanoseconds pause() const;
    // Of the next request: that it continues the conversation, or at least begins alike. 0 before two were seen.
    [[nodiscard]] double odds(bool conversation) const;
    [[nodiscard]] bool likely(bool conversation) const;
    // `takes`: what can't be interrupted; `saves`: what such a request is spared.
    [[nodiscard]] bool pays(bool conversation, core::nanoseconds takes, core::nanoseconds saves) const;

    void made();
    // The runtime died of it, hung or refused: after two among the last 32 or so it is not asked again.
    void failed() noexcept { ++failures_; }
    void hit(core::nanoseconds saved);
    void held_up(core::nanoseconds waited);
    [[nodiscard]] const ahead_figures& figures() const noexcept { return figures_; }

private:
    struct seen {
        next_turn what;
        core::nanoseconds pause;
        core::steady_time at;
    };
    [[nodiscard]] std::size_t count(next_turn what) const;
    [[nodiscard]] bool costs_too_much() const;

    std::deque<seen> last_;  // bounded
    ahead_figures figures_;
    double share_ = 0.25;
    std::uint64_t noted_ = 0;
    unsigned failures_ = 0;       // of late
    core::nanoseconds saved_{0};  // as the figures, of late
    core::nanoseconds waited_{0};
    unsigned rests_ = 0;       // for so many requests, as it cost others too much
    unsigned next_rest_ = 32;  // the next time
};

// What an idle runtime computes before somebody asks (docs/polled_cycle.md#ahead): of the beginnings that the next prompt
// may have, the one that spares more in the mean than what the cache holds already. No I/O.
struct beginnings {
    token_ids of_conversation{};      // of its next turn; empty: not known
    token_ids shared{};               // by the last two prompts, in whole chunks; may be empty
    const token_ids* held = nullptr;  // by the cache, for the same owner; nullptr: nothing that is known
};

using reading_time = std::function<core::nanoseconds(std::size_t tokens)>;

// Of a prompt of so many tokens, of which these were there: what is read beside them is read in whole chunks too.
[[nodiscard]] core::nanoseconds prefill_spared(std::size_t cached, std::size_t prompt,
                                               const reading_time& reading_of);

// Empty: nothing pays.
[[nodiscard]] token_ids best_beginning(const ahead_policy& seen, beginnings of,
                                       const catalog::context_sizes& sizes, const reading_time& reading_of);

}  // namespace corral::engine::ax_poll
