#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/machine/service_stepper.hpp"

namespace corral::supervisor {

core::steady_time stepper::look_again_at() const {
    return in_.now + std::min(plan_.look_again, plan_.breaker_retry);
}

phase::gate_question stepper::ask_gate(std::string launch_reason) {
    act(action_kind::ask_gate);
    return {in_.now + plan_.gate_limit, std::move(launch_reason)};
}

// In broken, which is looked at again later.
void stepper::forget_question() {
    auto* const broke = in<phase::broken>();
    if (auto* const asked = std::get_if<phase::gate_question>(&broke->at)) {
        broke->at = phase::gate_pause{look_again_at(), std::move(asked->launch_reason)};
    }
}

void stepper::on_gate_answer() {
    const phase::gate_question* const asked = m_.gate_asked();
    if (asked == nullptr) {
        return;
    }
    std::string launch_reason = asked->launch_reason;
    const bool after_failure = launch_reason != plain_start;
    if (event_.what == event_kind::gate_opened) {
        if (after_failure && !event_.reason.empty()) {
            launch_reason += "; the device: " + event_.reason;
        }
        return launch_now(std::move(launch_reason));
    }
    if (event_.what == event_kind::gate_waits) {
        return turn_away(service_state::waiting, in_.now + plan_.gate_interval, std::move(launch_reason),
                         event_.reason, event_.advice);
    }
    turn_away(service_state::broken, look_again_at(), std::move(launch_reason), event_.reason, event_.advice);
}

// The time in a state counts from the first time that the gate said so.
void stepper::turn_away(service_state to, core::steady_time again_at, std::string launch_reason,
                        std::string reason, std::string advice) {
    if (launch_reason != plain_start) {
        reason += "; then " + launch_reason;
    }
    const core::steady_time since = m_.state() == to ? m_.since : in_.now;
    m_.turned_away += to == service_state::broken && m_.state() != to ? 1 : 0;
    phase::gate_pause pause{again_at, std::move(launch_reason)};
    if (to == service_state::waiting) {
        enter(phase::waiting{std::move(pause)}, std::move(reason), std::move(advice));
    } else {
        enter(phase::broken{std::move(pause)}, std::move(reason), std::move(advice));
    }
    m_.since = since;
}

void stepper::on_gate_timer() {
    turn_away(service_state::broken, look_again_at(), m_.gate_asked()->launch_reason,
              "the checks before its start did not end in time; they are made again", {});
}

}  // namespace corral::supervisor
