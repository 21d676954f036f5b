#include "supervisor/service_fsm.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "supervisor/service_stepper.hpp"

namespace corral::supervisor {

void stepper::dispatch() {
    switch (event_.what) {
        case event_kind::start:
            return on_start();
        case event_kind::stop:
            return on_stop();
        case event_kind::let_go:
            return on_let_go();
        case event_kind::kill:
            return on_kill();
        case event_kind::hold:
            return on_hold();
        case event_kind::release:
            return on_release();
        case event_kind::gate_opened:
        case event_kind::gate_waits:
        case event_kind::gate_shut:
            return on_gate_answer();
        case event_kind::spawned:
            return on_spawned();
        case event_kind::refused:
        case event_kind::launch_failed:
            return on_start_refused();
        case event_kind::socket_owned:
        case event_kind::probe_answered:
        case event_kind::self_test_passed:
        case event_kind::self_test_failed:
        case event_kind::fatal_line:
        case event_kind::fault:
        case event_kind::progress:
        case event_kind::quiesced:
            return on_stage_event();
        case event_kind::probe_ok:
        case event_kind::probe_failed:
            return on_life_probe();
        case event_kind::exited:
            return on_exited();
        case event_kind::gone:
            return on_gone();
        case event_kind::adopted:
            return on_adopted();
        case event_kind::timer:
            return on_timer();
    }
}

void stepper::enter(service_state state, std::string reason, std::string advice) {
    if (m_.state == service_state::ready && state != service_state::ready) {
        m_.served = std::chrono::duration_cast<core::milliseconds>(in_.now - m_.since);
    }
    m_.state = state;
    m_.since = in_.now;
    m_.reason = std::move(reason);
    m_.advice = std::move(advice);
    m_.wake.reset();
    m_.starting = start_stage::none;
    m_.stopping = stop_stage::none;
    m_.breaker = false;
    m_.stuck = false;
    m_.asking = false;
    m_.turned_away = false;
}

void stepper::launch(std::string reason) {
    m_.served = core::milliseconds{0};
    if (!plan_.has_gate) {
        return launch_now(std::move(reason));
    }
    m_.launch_reason = reason;
    enter(service_state::starting, std::move(reason));
    m_.starting = start_stage::gate;
    ask_gate();
}

void stepper::launch_now(std::string reason) {
    enter(service_state::starting, std::move(reason));
    m_.starting = start_stage::launching;
    act(action_kind::launch);
}

void stepper::launch_unless_held(std::string reason_held, std::string reason_launched) {
    if (m_.held) {
        enter(service_state::waiting, std::move(reason_held));
    } else {
        launch(std::move(reason_launched));
    }
}

void stepper::on_start() {
    m_.wanted = true;
    switch (m_.state) {
        case service_state::stopped:
        case service_state::waiting:
        case service_state::broken:
            m_.policy.forget();
            return launch_unless_held(m_.held_reason, "loading");
        case service_state::starting:
        case service_state::ready:
        case service_state::stopping:
            return;  // after a stop under way the process is started again: on_gone() reads `wanted`
    }
}

void stepper::on_stop() {
    m_.wanted = false;
    switch (m_.state) {
        case service_state::stopped:
            return;
        case service_state::waiting:
        case service_state::broken:
            return enter(service_state::stopped, "stopped");
        case service_state::starting:
            if (!m_.alive) {
                return enter(service_state::stopped, "stopped");
            }
            return begin_stop(stop_phase::loading, after_stop::rest, "asked to stop while starting");
        case service_state::ready:
            return begin_stop(stop_phase::ready, after_stop::rest, "asked to stop");
        case service_state::stopping:
            m_.after = after_stop::rest;
            return;
    }
}

void stepper::on_let_go() {
    m_.wanted = false;
    if (m_.state == service_state::waiting || m_.state == service_state::broken ||
        in_stage(start_stage::gate)) {
        enter(service_state::stopped, "stopped");
    } else if (m_.state == service_state::stopping) {
        m_.after = after_stop::rest;
    }
}

void stepper::on_kill() {
    if (running()) {
        return begin_stop(stop_phase::dead, m_.wanted ? after_stop::retry : after_stop::rest, event_.reason,
                          event_.advice);
    }
    const bool polite = m_.stopping == stop_stage::quiescing ||
                        (m_.stopping == stop_stage::ladder && m_.rung + 1 < m_.ladder.size());
    if (polite) {
        m_.stopping = stop_stage::ladder;
        m_.rung = m_.ladder.size() - 1;
        send_rung();
    }
}

void stepper::on_hold() {
    m_.held = true;
    m_.held_reason = event_.reason;
    switch (m_.state) {
        case service_state::stopped:
            return;
        case service_state::broken:
            return forget_question();
        case service_state::waiting:
            return enter(service_state::waiting, event_.reason);
        case service_state::starting:
        case service_state::ready:
            if (!m_.alive) {
                return enter(service_state::waiting, event_.reason);
            }
            return begin_stop(stop_phase::dead, after_stop::held, event_.reason);
        case service_state::stopping:
            if (m_.after == after_stop::retry) {
                m_.after = after_stop::held;
            }
            return;
    }
}

void stepper::on_release() {
    m_.held = false;
    // A waiting service with a backoff of its own goes on waiting for that.
    if (m_.state == service_state::waiting && !m_.wake) {
        const bool failed_before = m_.reason != m_.held_reason;
        launch_unless_held(m_.reason, failed_before ? "loading again after: " + m_.reason : "loading");
    }
}

transition step(service_machine now_in, const service_event& event, const service_plan& plan,
                const step_input& input) {
    return stepper(std::move(now_in), event, plan, input).run();
}

}  // namespace corral::supervisor
