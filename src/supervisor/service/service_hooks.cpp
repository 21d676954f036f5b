// The tasks that call what a service was given: a first answer of it, and its coming to rest.

#include <exception>
#include <functional>
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
// A first test is asked to end instead, and cancelled this long after; both in less than clear_away() waits for hooks.
constexpr core::milliseconds end_patience{4000};
// A hook that knows its deadline is cancelled this long after it.
constexpr core::milliseconds quiesce_overrun{500};

// At the latest at `limit`; false: cancelled before.
core::awaitable<bool> until_hopeless(std::shared_ptr<process_run> run, const core::clock_source* clock,
                                     core::deadline limit) {
    while (!run->ended && !run->dropped) {
        const core::wake_reason woken = co_await run->changed.wait(limit);
        if (woken != core::wake_reason::rung) {
            co_return woken == core::wake_reason::timed_out;
        }
    }
    const auto patience = core::deadline::after(hook_patience, clock->now()).sooner(limit);
    while (!run->dropped) {
        const core::wake_reason woken = co_await run->changed.wait(patience);
        if (woken != core::wake_reason::rung) {
            co_return woken == core::wake_reason::timed_out;
        }
    }
    co_return true;
}

// Once a first test was asked in vain to end, or can't be asked.
core::awaitable<void> until_cut(std::shared_ptr<process_run> run, const core::clock_source* clock,
                                std::function<void()> ask_to_end) {
    auto hopeless = until_hopeless(run, clock, core::deadline{});
    const bool is_hopeless = co_await std::move(hopeless);
    if (!is_hopeless || run->dropped || !ask_to_end) {
        co_return;
    }
    ask_to_end();
    const auto patience = core::deadline::after(end_patience, clock->now());
    core::wake_reason woken = core::wake_reason::rung;
    while (woken == core::wake_reason::rung && !run->dropped) {
        woken = co_await run->changed.wait(patience);
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
        auto cut = until_cut(run, self->context_.clock, self->spec_.end_self_test);
        auto first = co_await (std::move(test) || std::move(cut));
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
