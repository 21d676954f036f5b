#include "engine/dialects/ax_poll/poll_schedule_policy.hpp"

#include <algorithm>

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds least_interval = 2ms;
constexpr int trusted_until = 3;

core::steady_time plus(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

}  // namespace

void poll_schedule_policy::begin(poll_mode mode, core::steady_time now) {
    mode_ = mode;
    began_ = now;
    last_poll_ = now;
    last_text_ = now;
    text_gap_ = core::nanoseconds{0};
    burst_next_ = burst_.size();
    ending_step_ = core::nanoseconds{0};
    found_by_timer_ = 0;
    polled_ = false;
}

void poll_schedule_policy::burst(core::steady_time now, std::array<core::milliseconds, 3> after) {
    for (std::size_t i = 0; i < after.size(); ++i) {
        burst_[i] = plus(now, after[i]);
    }
    burst_next_ = 0;
}

void poll_schedule_policy::on_sign(core::steady_time now) {
    burst(now, {0ms, 2ms, 8ms});
}

void poll_schedule_policy::on_answered(core::steady_time now) {
    burst(now, {3ms, 8ms, 20ms});
}

void poll_schedule_policy::on_ending(core::steady_time now) {
    burst_next_ = burst_.size();
    ending_step_ = 1ms;
    last_poll_ = now;
}

void poll_schedule_policy::on_polled(core::steady_time sent, core::steady_time now, bool had_text,
                                     bool done) {
    polled_ = true;
    last_poll_ = now;
    const bool in_burst = burst_next_ < burst_.size();
    if (had_text) {
        found_by_timer_ = in_burst || ending_step_ > 0ns ? 0 : found_by_timer_ + 1;
        text_gap_ = now - last_text_;
        last_text_ = now;
        // What was announced has come; a later sign starts a new burst.
        if (in_burst && burst_[0] <= sent) {
            burst_next_ = burst_.size();
        }
    }
    while (burst_next_ < burst_.size() && burst_[burst_next_] <= sent) {
        ++burst_next_;
    }
    if (ending_step_ > 0ns) {
        ending_step_ = std::min<core::nanoseconds>(ending_step_ * 2, slowest_);
    }
    if (done && mode_ == poll_mode::following) {
        // One more poll decides whether it is the end.
        burst(now, {0ms, 2ms, 8ms});
    }
}

core::nanoseconds poll_schedule_policy::timer_interval() const noexcept {
    if (ending_step_ > 0ns) {
        return ending_step_;
    }
    const core::nanoseconds slowest = std::max<core::nanoseconds>(slowest_, least_interval);
    if (mode_ == poll_mode::settling) {
        return std::clamp<core::nanoseconds>((last_poll_ - began_) / 8, least_interval, slowest);
    }
    if (found_by_timer_ >= trusted_until) {
        return std::clamp<core::nanoseconds>(text_gap_ / 4, least_interval, slowest);
    }
    return slowest;
}

core::steady_time poll_schedule_policy::next() const noexcept {
    if (!polled_ && mode_ == poll_mode::settling) {
        return began_;
    }
    const core::steady_time by_timer = plus(last_poll_, timer_interval());
    return burst_next_ < burst_.size() ? std::min(burst_[burst_next_], by_timer) : by_timer;
}

}  // namespace corral::engine::ax_poll
