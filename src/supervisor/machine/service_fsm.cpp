#include "supervisor/machine/service_fsm.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "corral/core/say.hpp"
#include "supervisor/machine/service_stepper.hpp"

namespace corral::supervisor {

namespace {

using wake_time = std::optional<core::steady_time>;

// The inner states: those with a time limit have it as `until`.
struct wake_of {
    template <typename At>
    wake_time operator()([[maybe_unused]] const At& at) const {
        if constexpr (requires { at.until; }) {
            return at.until;
        } else {
            return std::nullopt;
        }
    }
};

static_assert(std::variant_size_v<phase::any> == static_cast<std::size_t>(service_state::broken) + 1);

}  // namespace

bool service_machine::alive() const noexcept {
    return load() != nullptr || state() == service_state::ready || state() == service_state::stopping;
}

wake_time service_machine::wake() const {
    return std::visit(
        []([[maybe_unused]] const auto& state) -> wake_time {
            if constexpr (requires { state.at; }) {
                return std::visit(wake_of{}, state.at);
            } else {
                return std::nullopt;
            }
        },
        now);
}

const phase::loading* service_machine::load() const noexcept {
    const auto* const start = std::get_if<phase::starting>(&now);
    return start != nullptr ? std::get_if<phase::loading>(&start->at) : nullptr;
}

bool service_machine::launching() const noexcept {
    const auto* const start = std::get_if<phase::starting>(&now);
    return start != nullptr && std::holds_alternative<phase::launching>(start->at);
}

const phase::gate_question* service_machine::gate_asked() const noexcept {
    if (const auto* const start = std::get_if<phase::starting>(&now)) {
        return std::get_if<phase::gate_question>(&start->at);
    }
    if (const auto* const waits = std::get_if<phase::waiting>(&now)) {
        return std::get_if<phase::gate_question>(&waits->at);
    }
    const auto* const broke = std::get_if<phase::broken>(&now);
    return broke != nullptr ? std::get_if<phase::gate_question>(&broke->at) : nullptr;
}

bool service_machine::in_stage(load_stage stage) const noexcept {
    const phase::loading* const at = load();
    return at != nullptr && at->stage == stage;
}

bool service_machine::breaker_is_open() const noexcept {
    const auto* const broke = std::get_if<phase::broken>(&now);
    return broke != nullptr && std::holds_alternative<phase::breaker_open>(broke->at);
}

bool service_machine::is_being_ended() const noexcept {
    const auto* const stop = std::get_if<phase::stopping>(&now);
    if (stop == nullptr) {
        return false;
    }
    const auto* const dead = std::get_if<phase::dead>(&stop->at);
    return dead == nullptr || dead->stop_had_begun;
}

phase::loading* stepper::loading() {
    auto* const start = in<phase::starting>();
    return start != nullptr ? std::get_if<phase::loading>(&start->at) : nullptr;
}

bool stepper::launching() {
    return m_.launching();
}

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
            return on_stage_event();
        case event_kind::quiesced:
            return on_quiesced();
        case event_kind::probe_ok:
        case event_kind::probe_failed:
            return on_life_probe();
        case event_kind::exited:
            return on_exited();
        case event_kind::gone:
            return on_gone();
        case event_kind::repaired:
            return on_repaired();
        case event_kind::adopted:
            return on_adopted();
        case event_kind::timer:
            return on_timer();
    }
}

void stepper::enter(phase::any next, core::reason reason, std::string advice) {
    m_.now = std::move(next);
    m_.since = in_.now;
    m_.reason = std::move(reason);
    m_.advice = std::move(advice);
}

void stepper::launch(core::reason cause) {
    core::reason reason = start_after(cause);
    if (!plan_.has_gate) {
        return launch_now(std::move(reason));
    }
    phase::gate_question asked = ask_gate(std::move(cause));
    enter(phase::starting{std::move(asked)}, std::move(reason));
}

void stepper::launch_now(core::reason reason) {
    enter(phase::starting{phase::launching{}}, std::move(reason));
    act(action_kind::launch);
}

void stepper::launch_unless_held(core::reason reason_held, core::reason cause) {
    if (m_.held) {
        enter(phase::waiting{phase::held_back{}}, std::move(reason_held));
    } else {
        launch(std::move(cause));
    }
}

void stepper::on_start() {
    m_.wanted = true;
    switch (m_.state()) {
        case service_state::stopped:
        case service_state::waiting:
        case service_state::broken:
            m_.policy.forget();
            return launch_unless_held(m_.held.value_or(core::reason()), {});
        case service_state::starting:
        case service_state::ready:
        case service_state::stopping:
            return;  // after a stop under way the process is started again: on_gone() reads `wanted`
    }
}

void stepper::on_stop() {
    m_.wanted = false;
    switch (m_.state()) {
        case service_state::stopped:
            return;
        case service_state::waiting:
        case service_state::broken:
            return enter(phase::stopped{}, core::say("service.at/stopped"));
        case service_state::starting:
            if (loading() == nullptr) {
                return enter(phase::stopped{}, core::say("service.at/stopped"));
            }
            return begin_stop(stop_phase::loading, after_stop::rest,
                              core::say("service.asked-to-stop/starting"));
        case service_state::ready:
            return begin_stop(stop_phase::ready, after_stop::rest, core::say("service.asked-to-stop"));
        case service_state::stopping:
            in<phase::stopping>()->after = after_stop::rest;
            return;
    }
}

void stepper::on_let_go() {
    m_.wanted = false;
    const bool without_process = m_.state() == service_state::starting && loading() == nullptr;
    if (m_.state() == service_state::waiting || m_.state() == service_state::broken || without_process) {
        enter(phase::stopped{}, core::say("service.at/stopped"));
    } else if (auto* const stop = in<phase::stopping>()) {
        stop->after = after_stop::rest;
    }
}

void stepper::on_kill() {
    if (running()) {
        if (event_.why == restart_reason::cancel && in<phase::ready>() == nullptr) {
            return;  // another process than the one with the answer
        }
        if (event_.why == restart_reason::asked) {
            m_.policy.forget();
        }
        const after_stop after = meaning_of(event_.why).fails() ? after_stop::retry : after_stop::again;
        return begin_stop(stop_phase::dead, after, event_.reason, event_.advice);
    }
    auto* const stop = in<phase::stopping>();
    if (stop == nullptr) {
        return;
    }
    if (auto* const rest = std::get_if<phase::quiescing>(&stop->at)) {
        const std::size_t last = rest->ladder.size() - 1;
        stop->at = send(std::move(rest->ladder), last);
    } else if (auto* const sent = std::get_if<phase::signalled>(&stop->at)) {
        const std::size_t last = sent->ladder.size() - 1;
        if (sent->rung < last) {
            *sent = send(std::move(sent->ladder), last);
        }
    }
}

void stepper::on_hold() {
    m_.held = event_.reason;
    switch (m_.state()) {
        case service_state::stopped:
            return;
        case service_state::broken:
            return forget_question();
        case service_state::waiting:
            return enter(phase::waiting{phase::held_back{}}, event_.reason);
        case service_state::starting:
        case service_state::ready:
            if (!m_.alive()) {
                return enter(phase::waiting{phase::held_back{}}, event_.reason);
            }
            return begin_stop(stop_phase::dead, after_stop::held, event_.reason);
        case service_state::stopping: {
            after_stop& after = in<phase::stopping>()->after;
            after = after == after_stop::again ? after_stop::held : after;
            return;
        }
    }
}

void stepper::on_release() {
    const core::reason held_reason = m_.held.value_or(core::reason());
    m_.held.reset();
    const auto* const waits = in<phase::waiting>();
    if (waits != nullptr && std::holds_alternative<phase::held_back>(waits->at)) {
        const bool failed_before = m_.reason != held_reason;
        launch(failed_before ? m_.reason : core::reason());
    }
}

void stepper::on_timer() {
    note_lateness();
    const auto wake = m_.wake();
    if (!wake || in_.now < *wake) {
        return;
    }
    if (m_.gate_asked() != nullptr) {
        return on_gate_timer();
    }
    if (phase::loading* const load = loading()) {
        return on_start_timer(*load);
    }
    if (auto* const stop = in<phase::stopping>()) {
        return on_stop_timer(*stop);
    }
    try_again();
}

// A failure that is given a rest may be over. A gate that is shut asks again by itself.
void stepper::on_repaired() {
    const auto* const waits = in<phase::waiting>();
    const auto* const broke = in<phase::broken>();
    const bool rests = waits != nullptr ? std::holds_alternative<phase::backoff>(waits->at)
                                        : broke != nullptr && m_.breaker_is_open();
    if (!rests) {
        return;
    }
    if (broke != nullptr) {
        m_.policy.forget();
    }
    launch_unless_held(m_.reason, m_.reason);
}

// From waiting and broken.
void stepper::try_again() {
    if (m_.breaker_is_open()) {
        m_.policy.on_trial();
    }
    if (!plan_.has_gate || m_.held) {
        return launch_unless_held(m_.reason, m_.reason);
    }
    const auto ask = [this](auto& at) {
        const auto* const pause = std::get_if<phase::gate_pause>(&at);
        at = ask_gate(pause != nullptr ? pause->cause : m_.reason);
    };
    if (auto* const waits = in<phase::waiting>()) {
        ask(waits->at);
    } else if (auto* const broke = in<phase::broken>()) {
        ask(broke->at);
    }
}

transition step(service_machine from, const service_event& event, const service_plan& plan,
                const step_input& input) {
    return stepper(std::move(from), event, plan, input).run();
}

}  // namespace corral::supervisor
