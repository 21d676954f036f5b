#pragma once
// How long nothing may happen before a runtime counts as hung: starts from the profile's generous default and
// learns from this box, a high quantile times a factor, never below a floor and never above the default.

#include <cstddef>
#include <deque>

#include "corral/core/time.hpp"

namespace corral::engine::ax_poll {

class stall_clock {
public:
    // The floor is the longer of a third of `start` and, where `start` allows it, `least`.
    explicit stall_clock(core::nanoseconds start, core::nanoseconds least = core::seconds{15});

    // Something took this long and was well.
    void observe(core::nanoseconds took);
    [[nodiscard]] core::nanoseconds limit() const noexcept { return limit_; }
    // Forgets what was learned: for a new process.
    void reset();

private:
    core::nanoseconds start_;
    core::nanoseconds floor_;
    core::nanoseconds limit_;
    std::deque<core::nanoseconds> seen_;  // the newest, bounded
};

}  // namespace corral::engine::ax_poll
