#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/machine/service_stepper.hpp"

namespace corral::supervisor {

core::steady_time stepper::look_again_at() const {
    return in_.now + std::min(plan_.look_again, plan_.breaker_retry);
}

phase::gate_question stepper::ask_gate(core::reason cause) {
    act(action_kind::ask_gate);
    return {in_.now + plan_.gate_limit, std::move(cause)};
}

// In broken, which is looked at again later.
void stepper::forget_question() {
    auto* const broke = in<phase::broken>();
    if (auto* const asked = std::get_if<phase::gate_question>(&broke->at)) {
        broke->at = phase::gate_pause{look_again_at(), std::move(asked->cause)};
    }
}

void stepper::on_gate_answer() {
    const phase::gate_question* const asked = m_.gate_asked();
    if (asked == nullptr) {
        return;
    }
    core::reason cause = asked->cause;
    if (event_.what == event_kind::gate_opened) {
        core::reason reason = start_after(cause);
        if (!cause.empty() && !event_.reason.empty()) {
            reason = reason.led_to_by(core::say("service.loading-again/device", event_.reason));
        }
        return launch_now(std::move(reason));
    }
    if (event_.what == event_kind::gate_waits) {
        return turn_away(service_state::waiting, in_.now + plan_.gate_interval, std::move(cause),
                         event_.reason, event_.advice);
    }
    turn_away(service_state::broken, look_again_at(), std::move(cause), event_.reason, event_.advice);
}

// The time in a state counts from the first time that the gate said so.
void stepper::turn_away(service_state to, core::steady_time again_at, core::reason cause, core::reason reason,
                        std::string advice) {
    if (!cause.empty()) {
        reason = reason.led_to_by(core::say("service.loading-again/then").led_to_by(cause));
    }
    const core::steady_time since = m_.state() == to ? m_.since : in_.now;
    m_.turned_away += to == service_state::broken && m_.state() != to ? 1 : 0;
    phase::gate_pause pause{again_at, std::move(cause)};
    if (to == service_state::waiting) {
        enter(phase::waiting{std::move(pause)}, std::move(reason), std::move(advice));
    } else {
        enter(phase::broken{std::move(pause)}, std::move(reason), std::move(advice));
    }
    m_.since = since;
}

void stepper::on_gate_timer() {
    turn_away(service_state::broken, look_again_at(), m_.gate_asked()->cause, core::say("service.gate-late"),
              {});
}

}  // namespace corral::supervisor
