// The tasks that call what a service was given: a first answer of it, and its coming to rest.

#include <exception>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

// A hook whose process has died gets this long to notice by itself before it is cancelled.
constexpr core::milliseconds hook_patience{5000};
// A hook that knows its deadline is cancelled this long after it.
constexpr core::milliseconds quiesce_overrun{500};

// At the latest at `limit`.
core::awaitable<void> until_hopeless(std::shared_ptr<process_run> run, const core::clock_source* clock,
                                     core::deadline limit) {
    while (!run->ended && !run->dropped) {
        const core::wake_reason woken = co_await run->changed.wait(limit);
        if (woken != core::wake_reason::rung) {
            co_return;
        }
    }
    const auto patience = core::deadline::after(hook_patience, clock->now()).sooner(limit);
    while (!run->dropped) {
        const core::wake_reason woken = co_await run->changed.wait(patience);
        if (woken != core::wake_reason::rung) {
            co_return;
        }
    }
}

}  // namespace

core::awaitable<void> service_runner::first_test(self_ptr self, run_ptr run) {
    const run_task mark(run, &process_run::hooks);
    if (!self->in_stage(*run, load_stage::self_test)) {
        co_return;
    }
    run->output->first_test_begins();
    core::result<void> verdict =
        core::make_failure(core::errc::cancelled, core::say("service.sign-of-life/ended"));
    try {
        auto test = self->spec_.self_test();
        auto hopeless = until_hopeless(run, self->context_.clock, core::deadline{});
        auto first = co_await (std::move(test) || std::move(hopeless));
        if (first.index() == 0) {
            verdict = std::get<0>(std::move(first));
        }
    } catch (const std::exception& error) {
        verdict = core::make_failure(core::errc::internal, core::reason::unlisted(error.what()));
    }
    if (!self->in_stage(*run, load_stage::self_test)) {
        co_return;
    }
    bool own = false;
    if (verdict) {
        auto looking = verify_endpoint(self);
        own = co_await std::move(looking);
    }
    if (!self->in_stage(*run, load_stage::self_test)) {
        co_return;
    }
    if (!verdict) {
        self->feed({event_kind::self_test_failed,
                    core::say("service.first-test-failed").led_to_by(verdict.error().message),
                    {}});
    } else if (own) {
        self->feed({event_kind::self_test_passed, {}, {}});
    } else {
        self->feed({event_kind::self_test_failed, core::say("service.first-test-failed/port"), {}});
    }
}

core::awaitable<void> service_runner::quiesce(self_ptr self, run_ptr run, core::deadline until) {
    const run_task mark(run, &process_run::hooks);
    try {
        auto rest = self->spec_.quiesce(until);
        const auto limit = core::deadline::after(quiesce_overrun, until.at());
        auto hopeless = until_hopeless(run, self->context_.clock, limit);
        co_await (std::move(rest) || std::move(hopeless));
    } catch (const std::exception& error) {
        telemetry::warn(core::say("service.sign-of-life/restless", self->label_, error.what()));
    }
    if (self->run_ == run) {
        self->feed({event_kind::quiesced, {}, {}});
    }
}

}  // namespace corral::supervisor
