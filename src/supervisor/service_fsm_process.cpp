#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/service_stepper.hpp"

namespace corral::supervisor {

namespace {

const char* stage_text(start_stage stage) {
    switch (stage) {
        case start_stage::none:
        case start_stage::gate:
        case start_stage::launching:
            return "being launched";
        case start_stage::socket:
            return "loading";
        case start_stage::probe:
            return "listening, but not answering";
        case start_stage::self_test:
            return "under its first test";
    }
    return "starting";
}

std::string again(const std::string& reason) {
    return "loading again after: " + reason;
}

}  // namespace

void stepper::on_spawned() {
    m_.alive = true;
    m_.started = in_.now;
    m_.progressed = in_.now;
    m_.longest_pause = core::nanoseconds{0};
    m_.late_since_progress = core::nanoseconds{0};
    m_.late_since_start = core::nanoseconds{0};
    if (!in_stage(start_stage::launching)) {
        return begin_stop(stop_phase::dead, after_stop::rest, "was not wanted any more when it had started");
    }
    begin_stage(start_stage::socket, action_kind::watch_socket);
}

// It was proved ready by those who hand it over; that its port is still its own is looked at by the guard.
void stepper::on_adopted() {
    if (m_.state != service_state::stopped || m_.alive) {
        return;
    }
    m_.wanted = true;
    m_.alive = true;
    m_.started = in_.now;
    m_.progressed = in_.now;
    become_ready();
}

void stepper::on_start_refused() {
    if (!in_stage(start_stage::launching)) {
        return;
    }
    if (event_.what == event_kind::launch_failed) {
        return fail(event_.reason, event_.advice);
    }
    enter(service_state::broken, event_.reason, event_.advice);
    m_.wake = in_.now + std::min(plan_.look_again, plan_.breaker_retry);
}

void stepper::begin_stage(start_stage stage, action_kind action) {
    m_.starting = stage;
    note_progress();
    arm_start_timer();
    act(action);
}

void stepper::note_progress() {
    const core::nanoseconds pause = in_.now - m_.progressed - m_.late_since_progress;
    m_.longest_pause = std::max(m_.longest_pause, pause);
    m_.late_since_progress = core::nanoseconds{0};
    m_.progressed = in_.now;
}

void stepper::arm_start_timer() {
    const auto limit = m_.started + clocks().whole.limit() + m_.late_since_start;
    // The first test has deadlines of its own.
    m_.wake = m_.starting == start_stage::self_test
                  ? limit
                  : std::min(limit, m_.progressed + clocks().stall.limit() + m_.late_since_progress);
}

bool stepper::wants_canary() const {
    if (!plan_.has_self_test) {
        return false;
    }
    switch (plan_.rules.canary) {
        case catalog::canary_mode::always:
            return true;
        case catalog::canary_mode::after_restart:
            return m_.ended_badly;
        case catalog::canary_mode::never:
            return false;
    }
    return true;
}

void stepper::become_ready() {
    if (m_.state == service_state::starting) {
        clocks().whole.observe(in_.now - m_.started - m_.late_since_start);
        clocks().stall.observe(m_.longest_pause);
    }
    enter(service_state::ready, "ready");
    m_.policy.on_ready();
    m_.silent_probes = 0;
    m_.ended_badly = false;
    act(action_kind::guard);
}

void stepper::on_life_probe() {
    if (m_.state != service_state::ready) {
        return;
    }
    if (event_.what == event_kind::probe_ok) {
        m_.silent_probes = 0;
        return;
    }
    const catalog::liveness_rule& rule = plan_.rules.liveness;
    if (++m_.silent_probes < rule.failures) {
        return;
    }
    std::string reason = "does not answer any more: " + rule.probe.method + " " + rule.probe.target;
    reason += " failed " + std::to_string(m_.silent_probes) +
              (m_.silent_probes == 1 ? " time" : " times in a row") + " while nothing else was asked of it";
    if (!event_.reason.empty()) {
        reason += " (" + event_.reason + ")";
    }
    begin_stop(stop_phase::dead, after_stop::retry, std::move(reason), event_.advice);
}

void stepper::on_stage_event() {
    switch (event_.what) {
        case event_kind::socket_owned:
            if (in_stage(start_stage::socket)) {
                begin_stage(start_stage::probe, action_kind::probe);
            }
            return;
        case event_kind::probe_answered:
            if (in_stage(start_stage::probe)) {
                if (wants_canary()) {
                    begin_stage(start_stage::self_test, action_kind::self_test);
                } else {
                    become_ready();
                }
            }
            return;
        case event_kind::self_test_passed:
            if (in_stage(start_stage::self_test)) {
                become_ready();
            }
            return;
        case event_kind::self_test_failed:
            if (in_stage(start_stage::self_test)) {
                begin_stop(stop_phase::dead, after_stop::retry, event_.reason, event_.advice);
            }
            return;
        case event_kind::fatal_line:
            if (in_stage(start_stage::socket) || in_stage(start_stage::probe)) {
                begin_stop(stop_phase::dead, after_stop::retry, event_.reason, event_.advice);
            }
            return;
        case event_kind::fault:
            if (running()) {
                begin_stop(stop_phase::dead, after_stop::refused, event_.reason, event_.advice);
            }
            return;
        case event_kind::progress:
            if (m_.state == service_state::starting && m_.alive) {
                note_progress();
                arm_start_timer();
            }
            return;
        case event_kind::quiesced:
            if (m_.stopping == stop_stage::quiescing) {
                m_.stopping = stop_stage::ladder;
                send_rung();
            }
            return;
        default:
            return;
    }
}

void stepper::begin_stop(stop_phase phase, after_stop after, std::string reason, std::string advice) {
    enter(service_state::stopping, std::move(reason), std::move(advice));
    m_.after = m_.wanted ? after : after_stop::rest;
    m_.ladder = stop_ladder(plan_.rules, phase);
    m_.rung = 0;
    if (phase == stop_phase::ready && plan_.has_quiesce) {
        m_.stopping = stop_stage::quiescing;
        m_.wake = in_.now + plan_.quiesce_limit;
        actions_.push_back({action_kind::quiesce, {}, *m_.wake});
        return;
    }
    m_.stopping = stop_stage::ladder;
    send_rung();
}

void stepper::send_rung() {
    const catalog::stop_step& step = m_.ladder[m_.rung];
    m_.wake = in_.now + step.grace;
    actions_.push_back({action_kind::signal, step, {}});
}

void stepper::on_exited() {
    if (running()) {
        // What its last lines add comes with `gone`.
        enter(service_state::stopping, event_.reason, event_.advice);
        m_.after = m_.wanted ? after_stop::retry : after_stop::rest;
        m_.ladder.clear();
        m_.stopping = stop_stage::cleaning;
        return;
    }
    if (m_.state == service_state::stopping && m_.stopping != stop_stage::cleaning) {
        m_.stopping = stop_stage::cleaning;
        m_.wake.reset();
    }
}

void stepper::on_gone() {
    if (m_.state != service_state::stopping) {
        return;
    }
    m_.alive = false;
    // A process that was sent signals ended for the reason these were sent, not for what its exit says; but
    // when its end was under way before them, that is the story.
    const bool ours = !m_.ladder.empty();
    std::string reason = ours ? m_.reason : event_.reason;
    std::string advice = ours && !event_.by_itself ? m_.advice : event_.advice;
    if (ours && event_.by_itself && m_.wanted) {
        reason += "; " + event_.reason;
    }
    m_.ladder.clear();
    if (!m_.wanted) {
        return enter(service_state::stopped, std::move(reason), std::move(advice));
    }
    m_.ended_badly = m_.ended_badly || m_.after != after_stop::rest;
    switch (m_.after) {
        case after_stop::rest:  // wanted again meanwhile
            m_.policy.forget();
            return launch_unless_held(std::move(reason), "loading");
        case after_stop::held:
            return launch_unless_held(reason, again(reason));
        case after_stop::retry:
            return fail(std::move(reason), std::move(advice));
        case after_stop::refused:
            enter(service_state::broken, std::move(reason), std::move(advice));
            m_.wake = in_.now + std::min(plan_.look_again, plan_.breaker_retry);
            return;
    }
}

void stepper::fail(std::string reason, std::string advice) {
    const restart_decision decision = m_.policy.on_failure(in_.now, m_.served, in_.jitter);
    if (m_.held) {
        return enter(service_state::waiting, std::move(reason), std::move(advice));
    }
    switch (decision.what) {
        case restart_verdict::at_once:
            return launch(again(reason));
        case restart_verdict::after_delay:
            enter(service_state::waiting, std::move(reason), std::move(advice));
            m_.wake = in_.now + decision.delay;
            return;
        case restart_verdict::give_up:
            enter(service_state::broken, "failed too often, the last time: " + reason, std::move(advice));
            m_.breaker = true;
            m_.wake = in_.now + plan_.breaker_retry;
            return;
    }
}

void stepper::note_lateness() {
    if (m_.state != service_state::starting || !m_.alive || in_.late <= core::nanoseconds{0}) {
        return;
    }
    m_.late_since_progress += in_.late;
    m_.late_since_start += in_.late;
    arm_start_timer();
}

void stepper::on_timer() {
    note_lateness();
    if (!m_.wake || in_.now < *m_.wake) {
        return;
    }
    switch (m_.state) {
        case service_state::stopped:
        case service_state::ready:
            m_.wake.reset();
            return;
        case service_state::starting:
            return m_.asking ? on_gate_timer() : on_start_timer();
        case service_state::stopping:
            return on_stop_timer();
        case service_state::waiting:
            return try_again();
        case service_state::broken:
            if (m_.breaker) {
                m_.policy.on_trial();
            }
            return try_again();
    }
}

void stepper::try_again() {
    if (m_.asking) {
        return on_gate_timer();
    }
    if (!plan_.has_gate || m_.held) {
        return launch_unless_held(m_.reason, again(m_.reason));
    }
    if (!m_.turned_away) {
        m_.launch_reason = again(m_.reason);
    }
    m_.served = core::milliseconds{0};
    ask_gate();
}

void stepper::on_start_timer() {
    const bool too_long = in_.now >= m_.started + clocks().whole.limit() + m_.late_since_start;
    std::string reason = overdue_text(too_long);
    (too_long ? clocks().whole : clocks().stall).ran_out();
    begin_stop(stop_phase::loading, after_stop::retry, std::move(reason), event_.advice);
}

std::string stepper::overdue_text(bool too_long) {
    const learned_clock& clock = too_long ? clocks().whole : clocks().stall;
    std::string reason = too_long ? "not ready within " : "no sign of progress for ";
    reason += seconds_text(clock.limit()) + " while " + stage_text(m_.starting);
    if (!event_.reason.empty()) {
        reason += " (" + event_.reason + ")";
    }
    reason += too_long ? "; the clock of a whole start " : "; the clock of progress ";
    return reason + clock.stand();
}

void stepper::on_stop_timer() {
    if (m_.stopping == stop_stage::quiescing) {
        m_.stopping = stop_stage::ladder;
    } else if (m_.rung + 1 < m_.ladder.size()) {
        ++m_.rung;
    } else if (!m_.stuck) {
        m_.stuck = true;
        m_.reason += "; does not die of SIGKILL, it is probably stuck inside a driver";
        m_.advice = "look at the kernel log (dmesg); the device may need a reset";
    }
    send_rung();
}

}  // namespace corral::supervisor
