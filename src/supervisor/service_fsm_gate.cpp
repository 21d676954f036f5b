#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/service_stepper.hpp"

namespace corral::supervisor {

namespace {

// What a first start says; anything else tells of a failure before it.
constexpr const char* plain_start = "loading";

}  // namespace

void stepper::ask_gate() {
    m_.asking = true;
    m_.wake = in_.now + plan_.gate_limit;
    act(action_kind::ask_gate);
}

// In broken, which is looked at again later.
void stepper::forget_question() {
    if (m_.asking) {
        m_.asking = false;
        m_.wake = in_.now + std::min(plan_.look_again, plan_.breaker_retry);
    }
}

void stepper::on_gate_answer() {
    if (!m_.asking) {
        return;
    }
    const bool after_failure = m_.launch_reason != plain_start;
    if (event_.what == event_kind::gate_opened) {
        std::string reason = m_.launch_reason;
        if (after_failure && !event_.reason.empty()) {
            reason += "; the device: " + event_.reason;
        }
        return launch_now(std::move(reason));
    }
    std::string reason = event_.reason;
    if (after_failure) {
        reason += "; then " + m_.launch_reason;
    }
    if (event_.what == event_kind::gate_waits) {
        return turn_away(service_state::waiting, plan_.gate_interval, std::move(reason), event_.advice);
    }
    turn_away(service_state::broken, std::min(plan_.look_again, plan_.breaker_retry), std::move(reason),
              event_.advice);
}

// The time in a state counts from the first time that the gate said so.
void stepper::turn_away(service_state state, core::milliseconds again, std::string reason,
                        std::string advice) {
    const bool again_there = m_.state == state;
    const core::steady_time since = m_.since;
    enter(state, std::move(reason), std::move(advice));
    m_.since = again_there ? since : in_.now;
    m_.wake = in_.now + again;
    m_.turned_away = true;
}

// In starting, waiting and broken, while an answer is awaited.
void stepper::on_gate_timer() {
    std::string reason = "what it needs could not be looked at in time";
    if (m_.launch_reason != plain_start) {
        reason += "; then " + m_.launch_reason;
    }
    turn_away(service_state::broken, std::min(plan_.look_again, plan_.breaker_retry), std::move(reason), {});
}

}  // namespace corral::supervisor
