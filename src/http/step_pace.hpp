#pragma once
// Leaves time between costly steps of many (the arithmetic of TLS handshakes), so that a crowd of them can't
// take the one thread from the streams: they get a third of it.

#include <algorithm>

#include "corral/core/time.hpp"

namespace corral::http {

class step_pace {
public:
    // When the next step may begin; never before `now`.
    [[nodiscard]] core::steady_time next(core::steady_time now) const { return std::max(now, free_); }
    // A step begins.
    void take(core::steady_time now) {
        free_ = next(now) + std::chrono::duration_cast<core::steady_time::duration>(spacing_);
    }
    // What a step took, for the spacing of the next.
    void took(core::nanoseconds span) {
        constexpr core::nanoseconds longest = core::milliseconds{30};
        spacing_ = std::min((spacing_ + 3 * span) / 2, longest);
    }

private:
    core::steady_time free_{};
    core::nanoseconds spacing_{
        0};  // from the begin of one to the begin of the next; settles at three times a step
};

}  // namespace corral::http
