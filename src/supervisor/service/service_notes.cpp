// What a service leaves in writing about its steps and its end, for those who ask later.

#include <utility>

#include "corral/telemetry/log.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

transition_record service_runner::new_record() const {
    transition_record record;
    record.time = std::chrono::system_clock::now();
    record.at = now();
    record.service = spec_.name;
    record.from = machine_.state();
    record.to = machine_.state();
    record.pid = run_ != nullptr ? run_->pid : 0;
    return record;
}

void service_runner::take_note(const machine_before& before, const service_event& event) {
    const trouble what = event.asked ? trouble::none : trouble_of(before, event.what, machine_);
    if (!is_worth_a_record(before, machine_, what)) {
        return;
    }
    const bool was_up = before.state == service_state::starting || before.state == service_state::ready;
    if (was_up && machine_.state() == service_state::stopping && event.what != event_kind::exited) {
        last_end_ = machine_.reason;
    }
    if (owner_ == nullptr) {
        return;
    }
    transition_record record = new_record();
    record.from = before.state;
    record.event = to_string(event.what);
    record.reason = machine_.reason;
    record.advice = machine_.advice;
    record.failure = what;
    if (record.pid == 0 && event.what == event_kind::gone) {
        record.pid = last_pid_;
    }
    owner_->on_transition(std::move(record));
}

// Whoever may ask can make the runtime print such a line, so it is remembered and nothing is done about it:
// once a process and meaning, or a prompt could fill the history.
void service_runner::remark(process_run& run, const catalog::log_meaning& known) {
    if (run_.get() != &run || (run.remark && run.remark->pattern == known.pattern)) {
        return;
    }
    run.remark = known;
    if (++run.remarks > most_remarks || owner_ == nullptr) {
        return;
    }
    transition_record record = new_record();
    record.event = "line";
    record.reason = "printed what may mean: " + known.cause;
    record.advice = known.advice;
    telemetry::log().info("{}: {}", label_,
                          telemetry::printable(with_advice(record.reason, record.advice), 800));
    owner_->on_transition(std::move(record));
}

bool service_runner::note_end(const process_run& run, const exit_story& story,
                              const process::exit_reason& how) {
    const bool by_itself = run.ending_seen || !explained_by(how, run.signals_sent);
    if (by_itself) {
        last_end_ = story.how;
    }
    return by_itself;
}

}  // namespace corral::supervisor
