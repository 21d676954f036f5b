#pragma once
// How late waits of the loop came back, added up. A box whose processor is taken makes everybody slow, so
// whoever judges others by the clock gives them as much time more as it lost itself.

#include "corral/core/time.hpp"

namespace corral::core {

class lateness {
public:
    // A wait that should have ended at `wanted` ended at `got`. What scheduling always costs does not count.
    void woke(steady_time wanted, steady_time got) noexcept {
        if (got - wanted >= usual) {
            total_ += std::chrono::duration_cast<nanoseconds>(got - wanted);
        }
    }
    // Only grows.
    [[nodiscard]] nanoseconds total() const noexcept { return total_; }

private:
    static constexpr milliseconds usual{50};
    nanoseconds total_{0};
};

}  // namespace corral::core
