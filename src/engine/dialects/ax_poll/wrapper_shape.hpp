#pragma once
// What a tokenizer service puts around every user text, its chat template and perhaps a `/no_think`, told
// apart from the text (docs/facts/vendor_ax.md#tokenizer-semantics). A control token on each side of the text
// is the guard: it is always one id, nothing merges with it, and a template that trims finds nothing to trim.
// No I/O.

#include <optional>
#include <string>
#include <string_view>

#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

struct wrapper_shape {
    std::string guard;
    std::int64_t guard_id = 0;
    token_ids before;  // what stands in front of the first guard
    token_ids after;   // and behind the second
    // Behind a text stands what the family writes between a user's text and the answer, and nothing of the text is lost.
    bool closes_as_family = false;
};

// From the ids that the service made of the guard once, twice, and twice with a newline between. Nullopt when
// the guard is no single id, when it eats white space beside it, or when the three contradict each other.
[[nodiscard]] std::optional<wrapper_shape> read_shape(std::string_view guard, const token_ids& once,
                                                      const token_ids& twice, const token_ids& spaced);

// The ids of a text from those of guard + text + guard; nullopt when they do not have the shape.
[[nodiscard]] std::optional<token_ids> guarded_ids(const wrapper_shape& shape, const token_ids& turn);

}  // namespace corral::engine::ax_poll
