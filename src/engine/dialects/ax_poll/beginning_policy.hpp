#pragma once
// What an idle runtime computes before somebody asks (docs/polled_cycle.md#ahead): of the beginnings that the next prompt
// may have, the one that spares more in the mean than what the cache holds already. No I/O.

#include <cstddef>
#include <functional>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/ahead_policy.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

struct beginnings {
    token_ids of_conversation{};      // of its next turn; empty: not known
    token_ids shared{};               // by the last two prompts, in whole chunks; may be empty
    const token_ids* held = nullptr;  // by the cache, for the same owner; nullptr: nothing that is known
};

using reading_time = std::function<core::nanoseconds(std::size_t tokens)>;

// Empty: nothing pays.
[[nodiscard]] token_ids best_beginning(const ahead_policy& seen, beginnings of,
                                       const catalog::context_sizes& sizes, const reading_time& reading_of);

}  // namespace corral::engine::ax_poll
