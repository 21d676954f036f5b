#include "supervisor/service/service_notes.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "corral/core/say.hpp"

namespace corral::supervisor {

transition_record service_notes::new_record(const service_machine& now, pid_t pid) const {
    transition_record record;
    record.time = std::chrono::system_clock::now();
    record.at = clock_->now();
    record.service = service_;
    record.from = now.state();
    record.to = now.state();
    record.pid = pid;
    return record;
}

std::optional<transition_record> service_notes::on_step(const machine_before& before,
                                                        const service_event& event,
                                                        const service_machine& now, pid_t pid) {
    const trouble what = trouble_of(before, event, now);
    if (const auto why = reason_of(before, event, now)) {
        last_loss_ = why;
    }
    if (!is_worth_a_record(before, now, what)) {
        return std::nullopt;
    }
    const bool was_up = before.state == service_state::starting || before.state == service_state::ready;
    if (was_up && now.state() == service_state::stopping && event.what != event_kind::exited) {
        last_end_ = now.reason;
        outside_ = false;
    }
    transition_record record = new_record(now, pid);
    record.from = before.state;
    record.event = to_string(event.what);
    record.reason = now.reason;
    record.advice = now.advice;
    record.failure = what;
    if (pid == 0 && event.what == event_kind::gone) {
        record.pid = last_pid_;
    }
    if (event.what == event_kind::exited || event.what == event_kind::gone) {
        record.exit_status = last_status_;
    }
    return record;
}

transition_record service_notes::remark(const catalog::log_meaning& known, const service_machine& now,
                                        pid_t pid) const {
    transition_record record = new_record(now, pid);
    record.event = "line";
    record.reason = core::say("service.printed", known.cause);
    record.advice = known.advice;
    return record;
}

bool service_notes::on_end(const process_run& run, const exit_story& story,
                           const process::exit_reason& reason) {
    last_status_ = exit_status(reason);
    last_blamed_ = story.blames;
    const bool by_itself = run.ending_seen || !explained_by(reason, run.signals_sent);
    if (by_itself) {
        last_end_ = story.how;
        outside_ = story.from_outside || joint_;
    }
    return by_itself;
}

namespace {

// Without the failure that led to a start: the line before it has said that. What the card says now is new.
std::string again(const core::reason& reason) {
    const core::reason& last = reason.led_to().back();
    return "loading again" + (last.id() == reason.id() ? "; " + last.text() : std::string());
}

}  // namespace

std::string log_words(const service_status& before, const service_status& now, core::steady_time at) {
    if (now.reason.id() == "service.loading-again") {
        return again(now.reason);
    }
    const bool logged = !now.reason.empty() && now.reason == before.reason;
    if (logged && now.state == service_state::waiting && now.next_try) {
        const auto left = std::chrono::duration<double>(*now.next_try - at).count();
        return fmt::format("tried again in {:.1f} s", std::max(left, 0.0));
    }
    return with_advice(now.reason, now.advice);
}

}  // namespace corral::supervisor
