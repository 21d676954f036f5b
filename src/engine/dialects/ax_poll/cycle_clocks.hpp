#pragma once
// All that the cycle judges the runtime by, for one model, over all its processes.

#include "corral/catalog/profile.hpp"
#include "corral/core/lateness.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "engine/dialects/ax_poll/chunk_clock.hpp"
#include "engine/stall_lesson.hpp"

namespace corral::engine::ax_poll {

struct cycle_clocks {
    explicit cycle_clocks(const catalog::engine_clocks& from)
        : call(from.call, from.call_bounds, {"calls", 50, 200, 10}),
          decode(from.decode_stall, from.decode_bounds, {"gaps", 50, 200, 10}),
          reset(from.reset, from.prefill_per_token, from.reset_bounds, "chunks"),
          prefill(from.prefill_base, from.prefill_per_token, from.prefill_bounds, "chunks") {}

    supervisor::learned_clock call;    // one call of the vendor protocol
    supervisor::learned_clock decode;  // from one piece of text to the next
    chunk_clock reset;                 // reset accepted to idle again
    chunk_clock prefill;               // generate accepted to the first piece
    core::lateness late;               // of our own loop: all of them are longer by it
    stall_lesson lesson;
};

}  // namespace corral::engine::ax_poll
