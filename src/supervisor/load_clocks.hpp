#pragma once
// The clocks of a start: one for the longest pause between two signs of progress, one for the whole. Both
// learn from starts that ended ready and know the model, not the process, so they outlive it.
//
// A load is rare, so one is believed; and its first is cold (the files come from a disk or SD card) where the
// next finds them in memory, so the factors are large enough for the way back: cards that read at 20 MB/s
// take five times as long as a warm 4B load, and their longest single file up to 40 s.

#include "corral/catalog/profile.hpp"
#include "corral/supervisor/learned_clock.hpp"

namespace corral::supervisor {

struct load_clocks {
    explicit load_clocks(const catalog::service_template& rules)
        : stall(rules.start_stall, rules.start_stall_bounds, {"loads", 1, 8, 5}),
          whole(rules.start_limit, rules.start_limit_bounds, {"loads", 1, 8, 4}) {}

    learned_clock stall;
    learned_clock whole;
};

}  // namespace corral::supervisor
