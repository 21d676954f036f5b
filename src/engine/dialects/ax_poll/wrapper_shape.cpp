#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

#include <algorithm>
#include <cstddef>

namespace corral::engine::ax_poll {

namespace {

std::ptrdiff_t signed_size(const token_ids& ids) {
    return static_cast<std::ptrdiff_t>(ids.size());
}

}  // namespace

std::optional<token_ids> guarded_ids(const wrapper_shape& shape, const token_ids& turn) {
    const std::ptrdiff_t first = signed_size(shape.before);
    const std::ptrdiff_t last = signed_size(turn) - signed_size(shape.after) - 1;
    if (last <= first || turn[static_cast<std::size_t>(first)] != shape.guard_id ||
        turn[static_cast<std::size_t>(last)] != shape.guard_id ||
        !std::equal(shape.before.begin(), shape.before.end(), turn.begin()) ||
        !std::equal(shape.after.begin(), shape.after.end(), turn.begin() + last + 1)) {
        return std::nullopt;
    }
    return token_ids(turn.begin() + first + 1, turn.begin() + last);
}

std::optional<wrapper_shape> read_shape(std::string_view guard, const token_ids& once, const token_ids& twice,
                                        const token_ids& spaced) {
    if (once.empty() || twice.size() != once.size() + 1) {
        return std::nullopt;
    }
    const std::ptrdiff_t same = std::mismatch(once.begin(), once.end(), twice.begin()).first - once.begin();
    // The second guard is where the two part; the first is the id before it.
    if (same == 0) {
        return std::nullopt;
    }
    wrapper_shape out;
    out.guard = guard;
    out.guard_id = once[static_cast<std::size_t>(same - 1)];
    out.before.assign(once.begin(), once.begin() + same - 1);
    out.after.assign(once.begin() + same, once.end());
    // A wrapper with the guard right beside the text would leave open which is which.
    if ((!out.before.empty() && out.before.back() == out.guard_id) ||
        (!out.after.empty() && out.after.front() == out.guard_id)) {
        return std::nullopt;
    }
    const auto nothing = guarded_ids(out, twice);
    const auto newline = guarded_ids(out, spaced);
    if (!nothing || !nothing->empty() || !newline || newline->empty()) {
        return std::nullopt;
    }
    return out;
}

}  // namespace corral::engine::ax_poll
