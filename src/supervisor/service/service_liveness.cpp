// The task that asks a ready service, while nothing else goes on in it, whether it still answers.

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/http/client.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

namespace {

// After a silence the next question comes soon: either it was a hiccup, or somebody waits for the restart.
constexpr core::milliseconds doubt_interval{1000};
// A question whose own end came so much too late was asked by a loop that did not run.
constexpr core::milliseconds most_own_lateness{500};

}  // namespace

// One question. "": answered, or nothing can be said; else what went wrong.
core::awaitable<core::reason> service_runner::probe_life(self_ptr self) {
    const catalog::probe_template asked = self->spec_.rules.liveness.probe;
    http::client_call call;
    call.to = self->spec_.liveness_at.value_or(self->port_.endpoint());
    call.method = asked.method;
    call.target = asked.target;
    call.until = core::deadline::after(asked.timeout, self->now());
    const core::steady_time due = call.until.at();
    auto calling = http::call(std::move(call));
    const core::result<http::client_reply> reply = co_await std::move(calling);
    if (reply && (asked.status == 0 || reply->status == asked.status)) {
        co_return core::reason();
    }
    const bool cancelled = !reply && reply.error().code == core::make_error_code(core::errc::cancelled);
    if (cancelled || self->now() >= due + most_own_lateness) {
        co_return core::reason();
    }
    if (reply) {
        co_return core::say("service.silent/status", reply->status);
    }
    if (reply.error().code == core::make_error_code(core::errc::timed_out)) {
        co_return core::say("runtime.given-up/answer-within", seconds_text(asked.timeout));
    }
    co_return reply.error().message;
}

core::awaitable<void> service_runner::ask_for_life(self_ptr self, run_ptr run) {
    const run_task mark(run, &process_run::hooks);
    const core::milliseconds interval = self->spec_.rules.liveness.interval;
    const auto serves = [&] { return self->serves(*run); };
    core::milliseconds pause = interval;
    while (serves()) {
        const auto until = core::deadline::after(pause, self->now());
        core::wake_reason woken = core::wake_reason::rung;
        while (serves() && woken == core::wake_reason::rung) {
            woken = co_await run->changed.wait(until);
        }
        if (woken == core::wake_reason::cancelled || !serves()) {
            co_return;
        }
        if (self->is_busy()) {
            pause = interval;
            continue;
        }
        auto asking = probe_life(self);
        const core::reason problem = co_await std::move(asking);
        if (!serves()) {
            co_return;
        }
        // Whoever came meanwhile has a better question, and a clock of its own.
        const bool proves_nothing = !problem.empty() && self->is_busy();
        pause = problem.empty() || proves_nothing ? interval : std::min(doubt_interval, interval);
        if (!problem.empty()) {
            const std::string words = telemetry::printable(problem);
            telemetry::warn(proves_nothing
                                ? core::say("service.sign-of-life/none-inside", self->label_, words)
                                : core::say("service.sign-of-life/none", self->label_, words));
        }
        if (!proves_nothing) {
            self->feed({problem.empty() ? event_kind::probe_ok : event_kind::probe_failed, problem, {}});
        }
    }
}

}  // namespace corral::supervisor
