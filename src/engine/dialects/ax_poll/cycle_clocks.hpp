#pragma once
// All that the cycle judges the runtime by, for one model, over all its processes.

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "engine/dialects/ax_poll/chunk_clock.hpp"
#include "engine/stall_lesson.hpp"

namespace corral::engine::ax_poll {

// A moment to measure from, and what has passed since that is the runtime's own doing: without what its tokenizer kept
// it waiting, and without what our loop was late.
struct moment {
    core::steady_time at{};
    core::nanoseconds late{0};
    core::nanoseconds waited{0};
};

struct cycle_clocks {
    explicit cycle_clocks(const catalog::engine_clocks& clocks)
        : call(clocks.call, clocks.call_bounds, {"calls", 50, 200, 10}),
          decode(clocks.decode_stall, clocks.decode_bounds, {"gaps", 50, 200, 10}),
          reset(clocks.reset, clocks.prefill_per_token, clocks.reset_bounds, "chunks"),
          prefill(clocks.prefill_base, clocks.prefill_per_token, clocks.prefill_bounds, "chunks") {}

    supervisor::learned_clock call;    // one call of the vendor protocol
    supervisor::learned_clock decode;  // from one piece of text to the next
    chunk_clock reset;                 // reset accepted to idle again
    chunk_clock prefill;               // generate accepted to the first piece
    core::lateness late;               // of our own loop: all of them are longer by it
    stall_lesson lesson;
};

}  // namespace corral::engine::ax_poll
