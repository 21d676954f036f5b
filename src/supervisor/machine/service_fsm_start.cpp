#include <algorithm>
#include <string>
#include <utility>

#include "corral/core/say.hpp"
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

namespace {

core::reason stage_text(load_stage stage) {
    switch (stage) {
        case load_stage::socket:
            return core::say("service.at/loading");
        case load_stage::probe:
            return core::say("service.not-answering-yet");
        case load_stage::self_test:
            return core::say("service.first-test");
    }
    return core::say("service.at/begins");
}

std::string in_brackets(const core::reason& last) {
    return last.empty() ? std::string() : " (" + last.text() + ")";
}

}  // namespace

void stepper::on_spawned() {
    if (!launching()) {
        return begin_stop(stop_phase::dead, after_stop::rest, core::say("service.not-wanted"));
    }
    phase::loading& load = in<phase::starting>()->at.emplace<phase::loading>();
    load.started = in_.now;
    load.progressed = in_.now;
    begin_stage(load, load_stage::socket, action_kind::watch_socket);
}

// It was proved ready by those who hand it over; that its port is still its own is looked at by the guard.
void stepper::on_adopted() {
    if (m_.state() == service_state::stopped) {
        m_.wanted = true;
        become_ready();
    }
}

void stepper::on_start_refused() {
    if (!launching()) {
        return;
    }
    if (event_.what == event_kind::launch_failed) {
        return fail(core::milliseconds{0}, failure_sort::quick_start, event_.reason, event_.advice);
    }
    enter(phase::broken{phase::slow_retry{look_again_at()}}, event_.reason, event_.advice);
}

void stepper::on_stage_event() {
    switch (event_.what) {
        case event_kind::socket_owned:
            if (in_stage(load_stage::socket)) {
                begin_stage(*loading(), load_stage::probe, action_kind::probe);
            }
            return;
        case event_kind::probe_answered:
            if (in_stage(load_stage::probe)) {
                if (wants_canary()) {
                    begin_stage(*loading(), load_stage::self_test, action_kind::self_test);
                } else {
                    become_ready();
                }
            }
            return;
        case event_kind::self_test_passed:
            if (in_stage(load_stage::self_test)) {
                become_ready();
            }
            return;
        case event_kind::self_test_failed:
            if (in_stage(load_stage::self_test)) {
                begin_stop(stop_phase::dead, after_stop::retry, event_.reason, event_.advice);
            }
            return;
        case event_kind::fatal_line:
            if (in_stage(load_stage::socket) || in_stage(load_stage::probe)) {
                begin_stop(stop_phase::dead, after_stop::retry, event_.reason, event_.advice);
            }
            return;
        case event_kind::fault:
            if (running()) {
                begin_stop(stop_phase::dead, after_stop::refused, event_.reason, event_.advice);
            }
            return;
        case event_kind::progress:
            if (phase::loading* const load = loading()) {
                note_progress(*load);
                arm_start_timer(*load);
            }
            return;
        default:
            return;
    }
}

void stepper::begin_stage(phase::loading& load, load_stage stage, action_kind action) {
    load.stage = stage;
    note_progress(load);
    arm_start_timer(load);
    act(action);
}

void stepper::note_progress(phase::loading& load) const {
    const core::nanoseconds pause = in_.now - load.progressed - load.late_since_progress;
    load.longest_pause = std::max(load.longest_pause, pause);
    load.late_since_progress = core::nanoseconds{0};
    load.progressed = in_.now;
}

void stepper::note_lateness() {
    phase::loading* const load = loading();
    if (load == nullptr || in_.late <= core::nanoseconds{0}) {
        return;
    }
    load->late_since_progress += in_.late;
    load->late_since_start += in_.late;
    arm_start_timer(*load);
}

void stepper::arm_start_timer(phase::loading& load) {
    const auto limit = load.started + clocks().whole.limit() + load.late_since_start;
    // The first test has deadlines of its own.
    load.until = load.stage == load_stage::self_test
                     ? limit
                     : std::min(limit, load.progressed + clocks().stall.limit() + load.late_since_progress);
}

void stepper::on_start_timer(phase::loading& load) {
    const bool too_long = in_.now >= load.started + clocks().whole.limit() + load.late_since_start;
    core::reason reason = overdue(load.stage, too_long);
    (too_long ? clocks().whole : clocks().stall).ran_out();
    begin_stop(stop_phase::loading, after_stop::retry, std::move(reason), event_.advice);
}

core::reason stepper::overdue(load_stage stage, bool too_long) {
    const learned_clock& clock = too_long ? clocks().whole : clocks().stall;
    const std::string limit = seconds_text(clock.limit());
    const core::reason doing = stage_text(stage);
    const std::string last = in_brackets(event_.reason);
    return too_long ? core::say("service.not-in-time", limit, doing, last, clock.stand())
                    : core::say("service.no-progress", limit, doing, last, clock.stand());
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
    if (const phase::loading* const load = loading()) {
        clocks().whole.observe(in_.now - load->started - load->late_since_start);
        clocks().stall.observe(load->longest_pause);
    }
    enter(phase::ready{}, core::say("service.at/ready"));
    m_.policy.on_ready();
    m_.ended_badly = false;
    act(action_kind::guard);
}

void stepper::on_life_probe() {
    auto* const serving = in<phase::ready>();
    if (serving == nullptr) {
        return;
    }
    if (event_.what == event_kind::probe_ok) {
        serving->silent_probes = 0;
        return;
    }
    const catalog::liveness_rule& rule = plan_.rules.liveness;
    const unsigned silences = ++serving->silent_probes;
    if (silences < rule.failures) {
        return;
    }
    const std::string times = std::to_string(silences) + (silences == 1 ? " time" : " times in a row");
    const core::reason probe = core::say("service.silent/probe", rule.probe.method + " " + rule.probe.target,
                                         times, in_brackets(event_.reason));
    begin_stop(stop_phase::dead, after_stop::retry, core::say("service.silent").led_to_by(probe),
               event_.advice);
}

}  // namespace corral::supervisor
