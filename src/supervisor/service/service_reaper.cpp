// The tasks that read what a service prints and see it to its end.

#include <csignal>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/telemetry/log.hpp"
#include "supervisor/service/exit_policy.hpp"
#include "supervisor/service/service_runner.hpp"
#include "supervisor/service/serving_output.hpp"
#include "supervisor/service/start_output.hpp"

namespace corral::supervisor {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

// A grandchild in another session may hold the pipe for ever; its output is not waited for longer than this.
constexpr core::milliseconds drain_limit{2000};
constexpr core::milliseconds group_limit{5000};
constexpr core::milliseconds hooks_limit{10'000};
constexpr core::milliseconds longest_look{50};

bool was_cancelled(const process::exit_reason& how) {
    const auto* lost = std::get_if<process::lost_track>(&how);
    return lost != nullptr && lost->why == boost::asio::error::operation_aborted;
}

}  // namespace

// The wait gets a named deadline and a named result: GCC 12 miscompiled `if (co_await changed.wait() ==
// ...)`.
core::awaitable<void> service_runner::until_dropped(run_ptr run) {
    const core::deadline forever;
    while (!run->dropped) {
        const core::wake_reason woken = co_await run->changed.wait(forever);
        if (woken == core::wake_reason::cancelled) {
            co_return;
        }
    }
}

core::awaitable<void> service_runner::pump(self_ptr self, run_ptr run, process::output_stream from) {
    const run_task mark(run, &process_run::pumps);
    auto reading = read_all(self, run, from);
    auto dropped = until_dropped(run);
    co_await (std::move(reading) || std::move(dropped));
}

core::awaitable<void> service_runner::read_all(self_ptr self, run_ptr run, process::output_stream from) {
    while (true) {
        const core::result<std::string> bytes = co_await run->child.read(from);
        if (!bytes) {
            if (bytes.error().code != boost::asio::error::operation_aborted) {
                telemetry::log().warn("{}: its output can't be read: {}", self->label_,
                                      bytes.error().message);
            }
            co_return;
        }
        if (bytes->empty()) {
            run->lines[static_cast<std::size_t>(from)].finish();
            co_return;
        }
        self->take_output(*run, from, *bytes);
    }
}

void service_runner::take_output(process_run& run, process::output_stream from, const std::string& bytes) {
    if (owner_ != nullptr) {
        owner_->on_output(*this, from, bytes);
    }
    run.lines[static_cast<std::size_t>(from)].feed(bytes);
}

void service_runner::take_line(process_run& run, process::output_stream from, std::string_view line) {
    const bool loading = !run.tested && machine_.state() == service_state::starting;
    const bool may_echo = run.tested && from == process::output_stream::out;
    if (may_echo && !context_.log_content) {
        ++run.lines_not_kept;
    } else {
        const bool may_quote = run.tested && !context_.log_content;
        std::string kept = may_quote ? without_quotations(line) : std::string(line);
        telemetry::log().debug("{}: {}", label_, telemetry::printable(kept));
        ring_.add(std::move(kept));
    }
    if (!loading) {
        // One that is being ended says so, and that means nothing.
        const bool serves = run.tested && !machine_.is_being_ended();
        const catalog::log_meaning* known = serves ? meaning_of(spec_.rules.lines, line) : nullptr;
        if (known != nullptr) {
            remark(run, *known);
        }
        return;
    }
    take_progress(run, line);
    if (const catalog::log_meaning* known = meaning_of(spec_.rules.lines, line)) {
        if (!run.complaint || !run.complaint->fatal_at_start) {
            run.complaint = *known;
        }
        if (known->fatal_at_start) {
            feed({event_kind::fatal_line, known->cause, known->advice});
            return;
        }
    }
    // Once a bar has been seen only the bar counts as progress; a service that retries for ever prints lines
    // too.
    if (!run.progress) {
        feed({event_kind::progress, {}, {}});
    }
}

void service_runner::take_progress(process_run& run, std::string_view line) {
    if (run.tested || run_.get() != &run) {
        return;
    }
    const std::optional<double> now_at = progress_in(line);
    if (now_at && (!run.progress || *now_at > *run.progress)) {
        run.progress = now_at;
        feed({event_kind::progress, {}, {}});
    }
}

core::awaitable<void> service_runner::await_end(self_ptr self, run_ptr run) {
    const process::exit_reason how = co_await run->child.wait();
    run->ended = true;
    run->changed.ring();
    const auto swept = run->child.signal_group(SIGKILL);
    if (!swept) {
        telemetry::log().warn("{}: the rest of its processes could not be killed: {}", self->label_,
                              swept.error().message);
    }
    if (was_cancelled(how)) {
        // The owner of all tasks ends: nothing may be started any more, and an orphan reaper gets the dead.
        self->feed({event_kind::let_go, {}, {}});
        self->feed({event_kind::exited, "its supervision was cancelled", {}});
        self->run_.reset();
        self->feed({event_kind::gone, "its supervision was cancelled", {}});
        self->abandoned_ = true;
        co_return;
    }
    const auto tell = [&self, &run, &how] {
        return explain_exit(self->spec_.rules, how, run->complaint ? &*run->complaint : nullptr,
                            run->remark ? &*run->remark : nullptr);
    };
    // Its last lines may not have been read yet; they add to the story at its end.
    const exit_story first = tell();
    self->note_end(*run, first, how);
    self->feed({event_kind::exited, first.reason, first.advice});
    auto clearing = clear_away(self, run);
    co_await std::move(clearing);
    if (const auto told = self->context_.guard->forget_group(run->pid); !told) {
        telemetry::log().debug("{}: the warden was not told of its end: {}", self->label_,
                               told.error().message);
    }
    process::reap_orphans();
    const exit_story story = tell();
    if (run->lines_not_kept > 0) {
        self->ring_.add("[corral] " + std::to_string(run->lines_not_kept) +
                        " lines were not kept: they may hold prompts and answers");
    }
    self->ring_.add("[corral] process " + std::to_string(run->pid) + ": " + process::describe(how));
    if (self->spec_.gate) {
        self->spec_.gate->on_gone(run->pid);
    }
    if (self->run_ == run) {
        const bool by_itself = self->note_end(*run, story, how);
        self->run_.reset();
        self->feed({event_kind::gone, story.reason, story.advice, by_itself});
    }
}

core::awaitable<void> service_runner::clear_away(self_ptr self, run_ptr run) {
    const auto drained_by = core::deadline::after(drain_limit, self->now());
    while (run->pumps > 0) {
        const core::wake_reason woken = co_await run->changed.wait(drained_by);
        if (woken != core::wake_reason::rung) {
            break;
        }
    }
    const auto group_dead_by = core::deadline::after(group_limit, self->now());
    for (core::milliseconds look{1}; run->child.group_alive(); look = std::min(look * 2, longest_look)) {
        const auto killed = run->child.signal_group(SIGKILL);
        process::reap_orphans();
        if (!killed || group_dead_by.passed(self->now())) {
            telemetry::log().error("{}: processes of its group {} can't be killed", self->label_, run->pid);
            break;
        }
        const bool slept = co_await core::sleep_for(look);
        if (!slept) {
            break;
        }
    }
    const auto hooks_over_by = core::deadline::after(hooks_limit, self->now());
    while (run->hooks > 0) {
        const core::wake_reason woken = co_await run->changed.wait(hooks_over_by);
        if (woken != core::wake_reason::rung) {
            telemetry::log().error("{}: a task that talks to a dead process does not end", self->label_);
            break;
        }
    }
    run->dropped = true;
    run->changed.ring();
    while (run->pumps > 0) {
        const core::wake_reason woken = co_await run->changed.wait(hooks_over_by);
        if (woken != core::wake_reason::rung) {
            break;
        }
    }
}

}  // namespace corral::supervisor
