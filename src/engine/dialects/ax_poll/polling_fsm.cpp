#include "engine/dialects/ax_poll/polling_fsm.hpp"

#include <algorithm>

namespace corral::engine::ax_poll {

void idle_evidence::on_call(core::steady_time now) {
    called_ = now;
    begun_ = false;
    quiet_ = false;
    idle_ = false;
    empty_in_a_row_ = 0;
}

void idle_evidence::on_begun(core::steady_time now) {
    if (!begun_) {
        begun_ = true;
        begun_at_ = now;
        empty_in_a_row_ = 0;
        idle_ = false;
    }
}

void idle_evidence::on_poll(core::steady_time sent, bool done, bool has_text) {
    if (!done || has_text) {
        if (!begun_) {
            begun_ = true;
            begun_at_ = sent;
        }
        empty_in_a_row_ = 0;
        idle_ = false;
        return;
    }
    if (begun_) {
        // A poll sent before the work began says nothing about its end.
        if (sent >= begun_at_) {
            ++empty_in_a_row_;
            idle_ = empty_in_a_row_ >= 2;
        }
        return;
    }
    if (!quiet_) {
        quiet_ = true;
        quiet_since_ = sent;
    }
    idle_ = sent - quiet_since_ >= grace_ && sent - called_ >= grace_;
}

namespace {

using namespace std::chrono_literals;

// A stop is lost when it comes before the runtime has its prompt's tokens, or while an accepted call waits for
// its worker, and nothing tells (docs/facts/vendor_ax.md#stop-and-races), so it is repeated until the
// runtime is idle. What is missed costs one interval: whoever comes next waits for it, wherever in the cycle
// the stop is sent, so there is one interval for all. A call costs the runtime less than half a millisecond.
constexpr core::nanoseconds stop_interval = 20ms;
constexpr core::nanoseconds safe_stop_interval = 1s;

}  // namespace

polling_fsm::polling_fsm(core::milliseconds grace, core::milliseconds slowest)
    : idle_(grace), schedule_(slowest) {}

void polling_fsm::settle(stops how, bool keeps_interval, core::steady_time now) {
    schedule_.begin(poll_mode::settling, now);
    next_stop_ = keeps_interval ? std::max(next_stop_, now) : now;
    state_ = settling{how, true, how == stops::at_once};
}

void polling_fsm::follow(core::steady_time now) {
    schedule_.begin(poll_mode::following, now);
    schedule_.on_sign(now);
    next_stop_ = now;
    state_ = following{};
}

void polling_fsm::on_polled(core::steady_time sent, core::steady_time now, bool had_text, bool done) {
    schedule_.on_polled(sent, now, had_text, done);
    if (auto* const in = std::get_if<settling>(&state_)) {
        in->must_stop = in->how != stops::never && !done;
    }
}

void polling_fsm::on_failed_poll(core::steady_time sent, core::steady_time now) {
    schedule_.on_polled(sent, now, false, false);
}

void polling_fsm::look_again() {
    if (auto* const in = std::get_if<settling>(&state_)) {
        in->due = true;
    }
}

void polling_fsm::on_stop(bool safe, core::steady_time now) {
    next_stop_ = now + (safe ? safe_stop_interval : stop_interval);
}

// A sign from outside ends a rest, and what it announces is looked for.
polling_fsm::step polling_fsm::to_idle(core::steady_time now, core::steady_time deadline,
                                       std::optional<core::steady_time> held_until) {
    auto& in = std::get<settling>(state_);
    const core::steady_time stop_at = held_until.value_or(next_stop_);
    if (in.must_stop && now >= stop_at) {
        return {kind::stop, {}};
    }
    if (in.due) {
        in.due = false;
        return {kind::poll, {}};
    }
    const core::steady_time next = in.must_stop ? std::min(schedule_.next(), stop_at) : schedule_.next();
    return {kind::rest, std::min(next, deadline)};
}

polling_fsm::step polling_fsm::to_text(core::steady_time now, core::steady_time wake) const {
    return now >= schedule_.next() ? step{kind::poll, {}}
                                   : step{kind::rest, std::min(schedule_.next(), wake)};
}

}  // namespace corral::engine::ax_poll
