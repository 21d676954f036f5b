#pragma once
// How long a lease is usually held, learned from those that ended: the measure behind Retry-After.

#include <cmath>
#include <cstddef>

#include "corral/core/time.hpp"

namespace corral::scheduler {

// Exponentially weighted mean. Before the first measurement a guess stands in.
class service_time {
public:
    void add(core::nanoseconds held) noexcept {
        const double seconds = std::chrono::duration<double>(held).count();
        mean_ = measured_ ? mean_ + weight * (seconds - mean_) : seconds;
        measured_ = true;
    }
    // Until `ahead` requests are served: whole seconds, rounded up, from 1 to 600.
    [[nodiscard]] core::seconds until_served(std::size_t ahead) const noexcept {
        const double seconds = std::ceil(mean_ * static_cast<double>(ahead));
        return core::seconds{static_cast<long>(std::min(600.0, std::max(1.0, seconds)))};
    }

private:
    static constexpr double weight = 0.2;
    static constexpr double first_guess = 5.0;
    double mean_ = first_guess;
    bool measured_ = false;
};

}  // namespace corral::scheduler
