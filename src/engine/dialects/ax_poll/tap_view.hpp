#pragma once
// What the tap has seen of the runtime's calls, as values. No I/O.

#include <cstdint>
#include <string>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

struct tap_view {
    bool in_use = false;  // the runtime has fetched its identity here
    // Of the last reset or run that failed by its tokenizer: a sentence. Empty: it did not answer.
    core::reason trouble;
    bool text_refused = false;  // ... which takes other texts
    // Of the last reset since begin_reset().
    bool reset_begun = false;
    bool reset_answered = false;
    bool reset_failed = false;    // the tokenizer gave no ids
    bool reset_too_long = false;  // more than `most_system_tokens`; harmless ids were answered in their place
    bool foreign_ids = false;     // ids that the model does not have came, here or in the run; as too long
    core::steady_time reset_begun_at{};
    std::uint32_t system_tokens = 0;
    // Of the last run since begin_run().
    bool run_begun = false;
    bool encode_answered = false;
    bool encode_failed = false;
    bool foreign_run = false;  // another than was ordered began before its end
    core::steady_time run_begun_at{};
    std::uint32_t turn_tokens = 0;
    std::uint32_t pieces_answered = 0;
    std::uint32_t answers_lost = 0;    // to /decode: the runtime left before
    core::nanoseconds encode_took{0};  // from the call to our answer
    core::nanoseconds decode_took{0};  // all /decode calls together
    core::steady_time last_answer{};
    unsigned calls_coming = 0;     // connections whose first call was not read yet
    unsigned calls_open = 0;       // the runtime waits for us: it is not stalled
    core::nanoseconds waited{0};   // by the runtime, in all calls that were answered
    std::uint32_t held_piece = 0;  // ids of the piece that waits for a stop to be accepted
    std::uint64_t strays = 0;  // calls of a run or reset that were not ordered, and processes of the runtime
};

// Ids of a prompt that is answered to the runtime in place of what the tokenizer makes of the texts that the
// runtime was sent: the model then reads these and nothing else.
struct prompt_ids {
    token_ids system;  // through the reset; of one id never (docs/facts/vendor_ax.md#limits)
    token_ids turns;   // never empty
    token_ids held{};  // in front of both, in the runtime's cache already
    // The words that stand for the prompt in the runtime's calls; a run with others is not the one that was ordered.
    // Empty: any.
    std::string mark{};
};

}  // namespace corral::engine::ax_poll
