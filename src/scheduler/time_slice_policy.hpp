#pragma once
// How long a loaded model may go on while another waits for its room: the rule of swaps
// (corral/scheduler/scheduler.hpp). Owns no timer: told what happened, it answers whether a time slice has expired.

#include <cstdint>
#include <deque>
#include <optional>

#include "corral/core/time.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::scheduler {

// When something happened, and in which order with what happened in the same instant. From one counter.
struct moment {
    std::uint64_t order = 0;
    core::steady_time at{};
};
[[nodiscard]] constexpr bool operator<(const moment& a, const moment& b) noexcept {
    return a.order < b.order;
}

// Twice what the waiting model usually takes to load, within the rule's bounds; unknown: the least.
[[nodiscard]] core::nanoseconds patience_of(std::optional<core::nanoseconds> usual_load,
                                            const swap_rule& rule) noexcept;

// One model's time slice in its card memory.
class time_slice {
public:
    // It is ready for the first time since it was loaded.
    void began(moment when);
    void granted(moment when);
    // It was unloaded to make room.
    void ended(moment when);

    // Since when a model waits in vain whose oldest request came at `oldest`: that, or the end of its last
    // time slice if that was later.
    [[nodiscard]] moment waits_since(moment oldest) const noexcept;
    // It has to make room for a model that waits since `waits` and has `patience`. Never before it was ready.
    [[nodiscard]] bool expired(moment waits, core::nanoseconds patience, const swap_rule& rule,
                               core::steady_time now) const noexcept;
    // When time alone ends it; nothing before it was ready.
    [[nodiscard]] std::optional<core::steady_time> expires_at(moment waits,
                                                              core::nanoseconds patience) const noexcept;
    // Grants that it may still give, at most rule.max_overtakes.
    [[nodiscard]] std::size_t grants_left(moment waits, const swap_rule& rule) const noexcept;

private:
    static constexpr std::size_t most_kept = 1000;  // the largest `overtakes` there may be
    [[nodiscard]] moment counts_from(moment waits) const noexcept;

    std::optional<moment> began_;
    std::optional<moment> ended_;
    std::deque<moment> grants_;  // the latest, newest last
};

}  // namespace corral::scheduler
