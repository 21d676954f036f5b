#pragma once
// How long something usually takes, a lease or a load, learned from those that ended: the measure behind
// Retry-After and the queue's estimates.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

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

    // Nothing before the first measurement.
    [[nodiscard]] std::optional<core::nanoseconds> mean() const noexcept {
        if (!measured_) {
            return std::nullopt;
        }
        return std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(mean_));
    }

private:
    static constexpr double weight = 0.2;
    static constexpr double first_guess = 5.0;
    double mean_ = first_guess;
    bool measured_ = false;
};

}  // namespace corral::scheduler
