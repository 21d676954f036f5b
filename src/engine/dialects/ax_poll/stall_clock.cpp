#include "engine/dialects/ax_poll/stall_clock.hpp"

#include <algorithm>
#include <vector>

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t kept = 200;
constexpr std::size_t enough = 50;
constexpr std::size_t every = 10;  // the quantile is worked out only now and then
constexpr int factor = 10;

}  // namespace

stall_clock::stall_clock(core::nanoseconds start, core::nanoseconds least)
    : start_(start), floor_(std::max(start / 3, std::min(start, least))), limit_(start) {}

void stall_clock::observe(core::nanoseconds took) {
    seen_.push_back(took);
    if (seen_.size() > kept) {
        seen_.pop_front();
    }
    if (seen_.size() < enough || seen_.size() % every != 0) {
        return;
    }
    std::vector<core::nanoseconds> sorted(seen_.begin(), seen_.end());
    const auto high = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * 99 / 100);
    std::nth_element(sorted.begin(), high, sorted.end());
    limit_ = std::clamp(*high * factor, floor_, start_);
}

void stall_clock::reset() {
    seen_.clear();
    limit_ = start_;
}

}  // namespace corral::engine::ax_poll
