#include "supervisor/service/process_run.hpp"

#include <csignal>

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/process/warden.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::supervisor {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

using run_ptr = std::shared_ptr<process_run>;

// A grandchild in another session may hold the pipe for ever; its output is not waited for longer than this.
constexpr core::milliseconds drain_limit{2000};
constexpr core::milliseconds family_limit{5000};
constexpr core::milliseconds hooks_limit{10'000};
constexpr core::milliseconds longest_look{50};

// The wait gets a named deadline and a named result: GCC 12 miscompiled `if (co_await changed.wait() == ...)`.
core::awaitable<void> until_dropped(run_ptr run) {
    const core::deadline forever;
    while (!run->dropped) {
        const core::wake_reason woken = co_await run->changed.wait(forever);
        if (woken == core::wake_reason::cancelled) {
            co_return;
        }
    }
}

core::awaitable<void> read_all(run_ptr run, process::output_stream stream,
                               std::function<void(std::string_view)> hears) {
    while (true) {
        const core::result<std::string> bytes = co_await run->child.read(stream);
        if (!bytes) {
            if (bytes.error().code != boost::asio::error::operation_aborted) {
                telemetry::warn(core::say("service.process-control/output", run->label, bytes.error()));
            }
            co_return;
        }
        if (bytes->empty()) {
            run->output->finish(stream);
            co_return;
        }
        hears(*bytes);
        run->output->feed(stream, *bytes);
    }
}

// True when none is left.
core::awaitable<bool> until_none(run_ptr run, std::size_t process_run::*tasks, core::deadline until) {
    while ((*run).*tasks > 0) {
        const core::wake_reason woken = co_await run->changed.wait(until);
        if (woken != core::wake_reason::rung) {
            co_return false;
        }
    }
    co_return true;
}

core::awaitable<void> kill_family(run_ptr run, const core::clock_source* clock) {
    const auto dead_by = core::deadline::after(family_limit, clock->now());
    for (core::milliseconds look{1}; !run->child.kill_family(); look = std::min(look * 2, longest_look)) {
        process::reap_orphans();
        if (dead_by.passed(clock->now())) {
            telemetry::error(core::say("service.process-control/family", run->label, run->pid));
            co_return;
        }
        const bool slept = co_await core::sleep_for(look);
        if (!slept) {
            co_return;
        }
    }
}

}  // namespace

void process_run::signal(const catalog::stop_step& step) {
    if (std::find(signals_sent.begin(), signals_sent.end(), step.signal) == signals_sent.end()) {
        signals_sent.push_back(step.signal);
    }
    const bool group = step.target == catalog::signal_target::group;
    const auto sent = group ? child.signal_group(step.signal) : child.signal_leader(step.signal);
    if (!sent) {
        telemetry::warn(core::say("service.process-control/signal", label, step.signal, sent.error()));
    }
}

core::awaitable<void> pump_output(run_ptr run, process::output_stream stream,
                                  std::function<void(std::string_view)> hears) {
    const run_task mark(run, &process_run::pumps);
    auto reading = read_all(run, stream, std::move(hears));
    auto dropped = until_dropped(run);
    co_await (std::move(reading) || std::move(dropped));
}

memory_case memory_case_of(const process_run& run, const process::shared_limits& limits) {
    constexpr std::uint64_t mebibyte = 1024 * 1024;
    if (const auto lost = run.child.memory_lost()) {
        return {lost->kills, true, lost->at_limit ? limits.memory / mebibyte : 0};
    }
    const std::uint64_t now = process::memory_kills();
    return {now - std::min(now, run.memory_kills), false, 0};
}

void warn_of_limits(const std::string& label, const process::child& started, std::string& logged) {
    const std::string& why = started.limits_refused();
    if (!why.empty() && why != logged) {
        const core::reason said = core::say("service.without-limits/runs", label, why);
        telemetry::warn(said, "{} event=service.without_limits", said);
    }
    logged = why;
}

void warn_of_terminal(const std::string& label, const process::child& started) {
    static bool logged = false;
    if (const std::string& why = started.terminal_refused(); !logged && !why.empty()) {
        const core::reason said = core::say("service.without-terminal", label, why);
        telemetry::warn(said, "{} event=service.without_terminal", said);
        logged = true;
    }
}

void warn_of_oom_score(const std::string& label, pid_t pid) {
    static bool logged = false;
    const auto score = process::oom_score(pid);
    if (!logged && score && *score < process::oom_score_of_children) {
        const core::reason said =
            core::say("service.oom-score", label, *score, process::oom_score_of_children);
        telemetry::warn(said, "{} event=service.oom_score", said);
        logged = true;
    }
}

core::awaitable<void> clear_away(run_ptr run, const core::clock_source* clock) {
    auto draining = until_none(run, &process_run::pumps, core::deadline::after(drain_limit, clock->now()));
    co_await std::move(draining);
    auto killing = kill_family(run, clock);
    co_await std::move(killing);
    const auto over_by = core::deadline::after(hooks_limit, clock->now());
    auto hooks = until_none(run, &process_run::hooks, over_by);
    const bool quiet = co_await std::move(hooks);
    if (!quiet) {
        telemetry::error(core::say("service.process-control/task", run->label));
    }
    run->dropped = true;
    run->changed.ring();
    auto pumps = until_none(run, &process_run::pumps, over_by);
    co_await std::move(pumps);
}

}  // namespace corral::supervisor
