#pragma once
// All that the cycle judges the runtime by, for one model, over all its processes.

#include <cstdint>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "engine/stall_lesson.hpp"

namespace corral::engine::ax_poll {

// A clock for steps whose length grows with the prompt: the runtime reads it in chunks (128 tokens as a rule,
// docs/facts/vendor_ax.md#start-log), each at about the same cost, and gives no sign in between. What is
// learned is the time of a chunk, so a long prompt is judged rightly after short ones. No I/O.

// How much is read: tokens, and of how many a chunk is (0: unknown).
struct prompt_size {
    std::uint32_t tokens = 0;
    std::uint32_t chunk = 0;
};

class chunk_clock {
public:
    // Before anything is learned: `base`, and `per_token` more for each token, the most that is ever given on
    // a box that is no slower than its profile. `bounds` are those of `base`. `what` as in clock_habits.
    chunk_clock(core::nanoseconds base, core::nanoseconds per_token, catalog::clock_bounds bounds,
                const char* what);

    void observe(prompt_size size, core::nanoseconds took);
    void ran_out() { per_chunk_.ran_out(); }

    [[nodiscard]] core::nanoseconds limit(prompt_size size) const;
    // What so much would take, as the newest step did; zero before one, and for nothing.
    [[nodiscard]] core::nanoseconds latest(prompt_size size) const noexcept;
    // "stood at 31 s for 900 tokens in 8 chunks (learned from ...; floor 10 s, ceiling 300 s)".
    [[nodiscard]] std::string stand(prompt_size size) const;

private:
    core::nanoseconds base_;
    core::nanoseconds per_token_;
    core::nanoseconds floor_;
    core::nanoseconds ceiling_;
    supervisor::learned_clock per_chunk_;
};

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
