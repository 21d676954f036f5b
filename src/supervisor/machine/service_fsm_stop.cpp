#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/machine/service_stepper.hpp"

namespace corral::supervisor {

namespace {

// A process in the middle of a driver call dies late; asking again sooner changes nothing.
constexpr core::milliseconds last_resort_grace{5000};
constexpr core::milliseconds least_last_grace{1000};

bool is_last_resort(const catalog::stop_step& step) {
    return step.signal == SIGKILL && step.target == catalog::signal_target::group;
}

// A line that ended a start is in the story of the exit behind it.
bool tells_too(const core::reason& exit, const core::reason& before) {
    const std::vector<std::string> told = exit.causes();
    const std::vector<std::string> known = before.causes();
    return !known.empty() && std::ranges::find(told, known.front()) != told.end();
}

}  // namespace

std::vector<catalog::stop_step> stop_ladder(const catalog::service_template& rules, stop_phase phase) {
    std::vector<catalog::stop_step> steps;
    if (phase == stop_phase::loading) {
        steps = rules.stop_loading;
    } else if (phase == stop_phase::ready) {
        steps = rules.stop_ready;
    }
    for (catalog::stop_step& step : steps) {
        step.grace = std::max(step.grace, core::milliseconds{0});
    }
    if (steps.empty() || !is_last_resort(steps.back())) {
        steps.push_back({SIGKILL, catalog::signal_target::group, last_resort_grace});
    }
    steps.back().grace = std::max(steps.back().grace, least_last_grace);
    return steps;
}

core::milliseconds stepper::served() {
    if (in<phase::ready>() == nullptr) {
        return core::milliseconds{0};
    }
    return std::chrono::duration_cast<core::milliseconds>(in_.now - m_.since);
}

failure_sort stepper::sort_of_failure() {
    constexpr core::seconds quick{5};
    if (const phase::loading* const load = loading()) {
        return in_.now - load->started < quick ? failure_sort::quick_start : failure_sort::plain;
    }
    const bool tested = plan_.has_self_test && plan_.rules.canary != catalog::canary_mode::never;
    return event_.at_work && tested ? failure_sort::at_work : failure_sort::plain;
}

void stepper::begin_stop(stop_phase how, after_stop after, core::reason reason, std::string advice) {
    phase::stopping stop{m_.wanted ? after : after_stop::rest, served(), {}, sort_of_failure()};
    std::vector<catalog::stop_step> ladder = stop_ladder(plan_.rules, how);
    if (how == stop_phase::ready && plan_.has_quiesce) {
        const core::steady_time until = in_.now + plan_.quiesce_limit;
        stop.at = phase::quiescing{std::move(ladder), until};
        action_ = {action_kind::quiesce, {}, until};
    } else {
        stop.at = send(std::move(ladder), 0);
    }
    enter(std::move(stop), std::move(reason), std::move(advice));
}

phase::signalled stepper::send(std::vector<catalog::stop_step> ladder, std::size_t rung) {
    const catalog::stop_step step = ladder[rung];
    action_ = {action_kind::signal, step, {}};
    return {std::move(ladder), rung, in_.now + step.grace, false};
}

void stepper::on_quiesced() {
    auto* const stop = in<phase::stopping>();
    auto* const rest = stop != nullptr ? std::get_if<phase::quiescing>(&stop->at) : nullptr;
    if (rest != nullptr) {
        stop->at = send(std::move(rest->ladder), 0);
    }
}

void stepper::on_stop_timer(phase::stopping& stop) {
    auto* const sent = std::get_if<phase::signalled>(&stop.at);
    if (sent == nullptr) {
        return on_quiesced();
    }
    const std::size_t last = sent->ladder.size() - 1;
    const bool at_its_end = sent->rung == last;
    if (at_its_end && !sent->stuck) {
        m_.reason = m_.reason.led_to_by(core::say("service.stuck"));
        m_.advice = core::say("service.stuck/do");
    }
    const std::size_t rung = at_its_end ? last : sent->rung + 1;
    *sent = send(std::move(sent->ladder), rung);
    sent->stuck = at_its_end;
}

void stepper::on_exited() {
    if (running()) {
        // What its last lines add comes with `gone`.
        phase::stopping stop{m_.wanted ? after_stop::retry : after_stop::rest, served(), phase::dead{},
                             sort_of_failure()};
        return enter(std::move(stop), event_.reason, event_.advice);
    }
    auto* const stop = in<phase::stopping>();
    if (stop != nullptr && !std::holds_alternative<phase::dead>(stop->at)) {
        stop->at = phase::dead{true};
    }
}

void stepper::on_gone() {
    const auto* const stop = in<phase::stopping>();
    if (stop == nullptr) {
        return;
    }
    const after_stop after = stop->after;
    const core::milliseconds served = stop->served;
    const failure_sort sort = stop->sort;
    // A process that was sent signals ended for the reason these were sent, not for what its exit says; but
    // when its end was under way before them, its own exit is the cause.
    const bool ours = m_.is_being_ended();
    core::reason reason = ours ? m_.reason : event_.reason;
    std::string advice = ours && !event_.by_itself ? m_.advice : event_.advice;
    if (ours && event_.by_itself && m_.wanted) {
        reason = tells_too(event_.reason, reason) ? event_.reason : reason.led_to_by(event_.reason);
    }
    if (!m_.wanted) {
        return enter(phase::stopped{}, std::move(reason), std::move(advice));
    }
    const bool chosen = after == after_stop::rest || after == after_stop::again;
    m_.ended_badly = m_.ended_badly || !chosen;
    switch (after) {
        case after_stop::rest:  // wanted again meanwhile
            m_.policy.forget();
            return launch_unless_held(std::move(reason), {});
        case after_stop::held:
        case after_stop::again:
            return launch_unless_held(reason, reason);
        case after_stop::retry:
            return fail(served, sort, std::move(reason), std::move(advice));
        case after_stop::refused:
            return enter(phase::broken{phase::slow_retry{look_again_at()}}, std::move(reason),
                         std::move(advice));
    }
}

void stepper::fail(core::milliseconds served, failure_sort sort, core::reason reason, std::string advice) {
    const restart_decision decision = m_.policy.on_failure(in_.now, served, in_.jitter, sort);
    if (decision.what == restart_verdict::give_up) {
        return enter(phase::broken{phase::breaker_open{in_.now + decision.delay}},
                     core::say("service.gave-up").led_to_by(reason), std::move(advice));
    }
    if (m_.held) {
        return enter(phase::waiting{phase::held_back{}}, std::move(reason), std::move(advice));
    }
    if (decision.what == restart_verdict::at_once) {
        return launch(std::move(reason));
    }
    enter(phase::waiting{phase::backoff{in_.now + decision.delay}}, std::move(reason), std::move(advice));
}

}  // namespace corral::supervisor
