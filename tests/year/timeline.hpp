#pragma once
// Time that only passes when something happens.

#include <cmath>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "corral/core/random_source.hpp"
#include "corral/core/time.hpp"

namespace corral::year {

inline core::nanoseconds times(core::nanoseconds span, double factor) {
    return core::nanoseconds(static_cast<core::nanoseconds::rep>(static_cast<double>(span.count()) * factor));
}

// What comes by chance; each part of the world has its own, so that another rule of Corral meets the same year.
class dice {
public:
    dice(std::uint64_t seed, std::uint64_t part) : random_(seed * 1000 + part) {}

    [[nodiscard]] double unit() { return random_.unit(); }
    [[nodiscard]] bool chance(double share) { return unit() < share; }
    // Exponential: what happens once in each `mean`.
    [[nodiscard]] core::nanoseconds about(core::nanoseconds mean) {
        return times(mean, -std::log(1 - unit()));
    }
    // Each order of magnitude as often as another.
    [[nodiscard]] core::nanoseconds between(core::nanoseconds least, core::nanoseconds most) {
        const double factor = static_cast<double>(most.count()) / static_cast<double>(least.count());
        return times(least, std::pow(factor, unit()));
    }

private:
    core::seeded_random random_;
};

class timeline {
public:
    [[nodiscard]] core::steady_time now() const noexcept { return now_; }

    void at(core::steady_time when, std::function<void()> what) {
        due_.push({when, ++number_, std::move(what)});
    }
    void after(core::nanoseconds span, std::function<void()> what) { at(now_ + span, std::move(what)); }
    void run(core::steady_time end) {
        while (!due_.empty() && due_.top().when <= end) {
            const happening next = due_.top();
            due_.pop();
            now_ = next.when;
            next.what();
        }
        now_ = end;
    }

private:
    struct happening {
        core::steady_time when;
        std::uint64_t number = 0;
        std::function<void()> what;
        bool operator<(const happening& other) const {
            return when != other.when ? when > other.when : number > other.number;
        }
    };
    core::steady_time now_{std::chrono::hours{1}};
    std::uint64_t number_ = 0;
    std::priority_queue<happening> due_;
};

}  // namespace corral::year
