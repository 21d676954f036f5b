#include "supervisor/machine/restart_policy.hpp"

#include <algorithm>
#include <cstdint>

namespace corral::supervisor {

namespace {

// The first pause of an open breaker is an eighth of the last.
constexpr unsigned most_doublings = 3;

}  // namespace

restart_meaning meaning_of(restart_reason why) noexcept {
    switch (why) {
        case restart_reason::asked:
        case restart_reason::cancel:
        case restart_reason::dependency:
            return {next_start::at_once, trouble::none};
        case restart_reason::hang:
            return {next_start::by_rule, trouble::hang};
        case restart_reason::crash:
            return {next_start::by_rule, trouble::crash};
        case restart_reason::failed_start:
            return {next_start::by_rule, trouble::failed_start};
        case restart_reason::intruder:
            return {next_start::slowly, trouble::intruder};
    }
    return {};
}

core::milliseconds restart_policy::ceiling() const noexcept {
    if (streak_ == 0) {
        return core::milliseconds{0};
    }
    core::milliseconds ceiling = std::max(rule_.first_backoff, core::milliseconds{0});
    for (unsigned step = 1; step < streak_ && ceiling < rule_.max_backoff; ++step) {
        ceiling *= 2;
    }
    return std::min(ceiling, rule_.max_backoff);
}

restart_decision restart_policy::on_failure(core::steady_time now, core::milliseconds served, double jitter,
                                            failure_sort sort) {
    const auto quarter = std::max(rule_.healthy_after / 4, core::milliseconds{1});
    if (served >= rule_.healthy_after && served > core::milliseconds{0}) {
        forget();
    }
    streak_ -= static_cast<unsigned>(std::min<std::int64_t>(streak_, served / quarter));
    while (!restarts_.empty() && now - restarts_.front() >= rule_.intensity_window) {
        restarts_.pop_front();
    }
    if (sort != failure_sort::quick_start) {
        quick_since_.reset();
    } else if (!quick_since_) {
        quick_since_ = now;
    }
    const bool early = quick_since_ && now - *quick_since_ < rule_.max_backoff && rule_.intensity > 0;
    const bool at_work = sort == failure_sort::at_work;
    if (on_trial_ || (restarts_.size() >= rule_.intensity && !early && !at_work)) {
        return {restart_verdict::give_up, next_trial()};
    }
    if (!at_work) {
        restarts_.push_back(now);
    }
    auto limit = ceiling();
    if (sort != failure_sort::plain) {
        limit = std::min(limit, std::max(rule_.first_backoff, rule_.max_backoff / 8));
        jitter = sort == failure_sort::quick_start ? (1.0 + jitter) / 2.0 : jitter;
    }
    // Past the ceiling's last doubling the streak only has to be remembered, not counted.
    streak_ = std::min(streak_ + 1, 64U);
    const core::milliseconds delay{static_cast<std::int64_t>(static_cast<double>(limit.count()) * jitter)};
    if (delay <= core::milliseconds{0}) {
        return {restart_verdict::at_once, {}};
    }
    return {restart_verdict::after_delay, delay};
}

core::milliseconds restart_policy::next_trial() noexcept {
    const unsigned doublings = std::min(openings_, most_doublings);
    openings_ = doublings + 1;
    return rule_.breaker_retry / (1U << (most_doublings - doublings));
}

void restart_policy::forget() noexcept {
    restarts_.clear();
    streak_ = 0;
    openings_ = 0;
    quick_since_.reset();
    on_trial_ = false;
}

}  // namespace corral::supervisor
