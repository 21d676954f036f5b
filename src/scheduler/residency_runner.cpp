#include "scheduler/residency_runner.hpp"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "corral/catalog/placement.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::scheduler {

namespace asio = core::asio;

namespace {

void rethrow(std::exception_ptr thrown) {
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

std::string shown(const catalog::model_entry& model) {
    return model.tier == 0 ? model.name : catalog::label_of(model);
}

}  // namespace

residency_runner::residency_runner(const core::executor& on, const core::clock_source& clock,
                                   engine::backend& runtime, residency_options options,
                                   std::function<void()> changed)
    : on_(on),
      clock_(&clock),
      runtime_(&runtime),
      options_(options),
      changed_(std::move(changed)),
      policy_(options.rule),
      rearmed_(on) {}

// Neither task is ended by a cancellation signal: emitted off the loop it would be carried out later, when
// the coroutine may have ended by itself (Boost 1.81).
void residency_runner::open() {
    asio::co_spawn(on_, keep_time(shared_from_this()), rethrow);
}

void residency_runner::refuse_new() {
    policy_.close();
    rearmed_.ring();
}

void residency_runner::close() {
    closed_ = true;
    refuse_new();
}

void residency_runner::perform(residence_order order, const char* why_stop) {
    if (policy_.expires() != armed_) {
        rearmed_.ring();
    }
    if (order == residence_order::start) {
        telemetry::log().info("model {}: loads", shown(runtime_->model()));
        runtime_->start();
    } else if (order == residence_order::stop) {
        telemetry::log().info("model {}: {} and is unloaded", shown(runtime_->model()), why_stop);
        asio::co_spawn(on_, stop_runtime(shared_from_this()), rethrow);
        changed_();
    }
}

// The wait is measured by the injected clock but lasts in real time, so that a clock that stands still makes
// no busy loop.
core::awaitable<void> residency_runner::keep_time(std::shared_ptr<residency_runner> self) {
    while (!self->closed_) {
        self->armed_ = self->policy_.expires();
        core::deadline until;
        if (self->armed_) {
            const core::nanoseconds left = core::deadline(*self->armed_).left(self->now());
            until = core::deadline::after(left, std::chrono::steady_clock::now());
        }
        const core::wake_reason reason = co_await self->rearmed_.wait(until);
        if (reason == core::wake_reason::cancelled) {
            co_return;
        }
        if (!self->closed_) {
            self->perform(self->policy_.tick(self->now()));
        }
    }
}

core::awaitable<void> residency_runner::stop_runtime(std::shared_ptr<residency_runner> self) {
    const core::deadline until =
        core::deadline::after(self->options_.stop_limit, std::chrono::steady_clock::now());
    const bool all = co_await self->runtime_->stop(until);
    if (self->closed_) {
        co_return;  // whoever closed it looks after the backend now, or it is gone
    }
    if (!all) {
        telemetry::log().error("model {}: its services did not stop in time", shown(self->runtime_->model()));
    }
    self->perform(self->policy_.stopped(all, self->now()));
    self->changed_();
}

}  // namespace corral::scheduler
