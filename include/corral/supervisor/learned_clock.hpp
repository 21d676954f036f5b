#pragma once
// How long one kind of step may take before whoever does it counts as hung. Starts from the profile's
// generous default and learns from this box: a high quantile of what steps took and were well, times a
// factor, within the profile's bounds. No I/O; time comes in as spans.
//
// What was learned outlives the process it was learned from, for the next one runs the same model. A clock
// that ran out has not shown that the process was hung: it goes back at least to its default, and if it runs
// out again before enough steps were well, it doubles, up to its ceiling. So a wrong clock costs a bounded
// number of restarts, and no surprise can make it shorter.

#include <cstddef>
#include <string>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"

namespace corral::supervisor {

// "0.6 s", "6.2 s", "40 s", "10 min": for people.
[[nodiscard]] std::string seconds_text(core::nanoseconds span);

// How a clock learns; differs by phase because a box sees ten loads and ten thousand pieces of text.
struct clock_habits {
    const char* what = "steps";  // plural, for people
    std::size_t enough = 50;     // steps before the clock is believed; at least 1
    std::size_t kept = 200;      // the newest that count; at least `enough`
    unsigned factor = 10;        // over the quantile; at least 2
};

class learned_clock {
public:
    // `bounds` count where `start` lies between them; else `start` is the bound it lies beyond.
    learned_clock(core::nanoseconds start, catalog::clock_bounds bounds, clock_habits habits);

    // A step took this long and was well.
    void observe(core::nanoseconds took);
    // It ran out, and the process was replaced for it.
    void ran_out();

    [[nodiscard]] core::nanoseconds limit() const noexcept { return limit_; }
    [[nodiscard]] core::nanoseconds start() const noexcept { return start_; }
    [[nodiscard]] core::nanoseconds floor() const noexcept { return floor_; }
    [[nodiscard]] core::nanoseconds ceiling() const noexcept { return ceiling_; }
    [[nodiscard]] std::size_t observed() const noexcept { return seen_.size(); }
    // The newest step, zero before one.
    [[nodiscard]] core::nanoseconds latest() const noexcept;
    // Where the limit comes from: "learned from 120 gaps, 99 % within 0.6 s, times 10".
    [[nodiscard]] std::string basis() const;
    // "stood at 6 s (learned from ..., times 10; floor 5 s, ceiling 2 min)".
    [[nodiscard]] std::string stand() const;

private:
    void work_out();
    [[nodiscard]] core::nanoseconds learned() const noexcept { return quantile_ * habits_.factor; }

    clock_habits habits_;
    core::nanoseconds start_;
    core::nanoseconds floor_;
    core::nanoseconds ceiling_;
    core::nanoseconds limit_;
    core::nanoseconds quantile_{0};
    core::nanoseconds longest_{0};
    std::vector<core::nanoseconds> seen_;  // a ring once it is full
    std::size_t next_ = 0;
    std::size_t well_since_ = 0;  // steps since it last ran out
    unsigned doubts_ = 0;         // times that it ran out since enough steps in a row were well
};

}  // namespace corral::supervisor
