#pragma once
// What the world shows to the polled cycle without being asked.

#include <cstdint>

#include "corral/catalog/profile.hpp"
#include "corral/core/reason.hpp"
#include "engine/dialects/ax_poll/process_epochs.hpp"
#include "engine/dialects/ax_poll/tap_view.hpp"
#include "engine/dialects/ax_poll/token_ledger.hpp"

namespace corral::engine::ax_poll {

struct cycle_signs {
    bool cancelled = false;
    bool left = false;  // ... and not for what it was given, so nobody goes on with what still comes
    process_epochs::loss lost = process_epochs::loss::none;
    core::reason loss_text;     // of a lost process: a sentence for people
    bool runtime_fell = false;  // it was the runtime, by itself or because it hung
    bool restarted = false;     // a person asked for its end
    bool halted = false;        // the runtime's process, by a signal
    catalog::context_sizes sizes;
    bool tapped = false;  // the runtime asks its tokenizer through the tap; those below count only then
    tap_view tap;
    std::uint32_t tokens_made = 0;
    std::uint32_t tokens_wanted = 0;  // of them, those within the limit
    bool limit_reached = false;
    bool final_seen = false;
    const token_ledger* tokens = nullptr;  // of the tap, whose age it has
    bool text_is_whole = false;            // all of them became text that was given
    bool reuses = false;                   // a prompt may be put behind what the cache holds
    bool across_owners = false;            // ... of somebody else too
    bool wraps_as_family = false;          // cycle_settings::closing is what stands behind a wrapped prompt
};

}  // namespace corral::engine::ax_poll
