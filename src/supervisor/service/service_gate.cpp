// The task that asks what must hold before a process is started.

#include <exception>
#include <utility>

#include "corral/telemetry/log.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

namespace {

event_kind event_of(gate_state state) {
    switch (state) {
        case gate_state::open:
            return event_kind::gate_opened;
        case gate_state::wait:
            return event_kind::gate_waits;
        case gate_state::shut:
            return event_kind::gate_shut;
    }
    return event_kind::gate_opened;
}

}  // namespace

core::awaitable<void> service_runner::ask_gate(self_ptr self, std::uint64_t question) {
    const std::shared_ptr<start_gate> gate = self->spec_.gate;
    gate_verdict verdict;
    try {
        auto asking = gate->ask();
        verdict = co_await std::move(asking);
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) {
            co_return;  // all tasks end; nothing may be started any more
        }
        telemetry::log().error("{}: starts without its gate, which failed: {}", self->label_, error.what());
        verdict = {};
    } catch (const std::exception& error) {
        telemetry::log().error("{}: starts without its gate, which failed: {}", self->label_, error.what());
        verdict = {};
    }
    const auto cancelled = co_await boost::asio::this_coro::cancellation_state;
    const bool all_end = cancelled.cancelled() != boost::asio::cancellation_type::none;
    if (all_end || self->abandoned_ || question != self->gate_questions_) {
        co_return;
    }
    self->feed({event_of(verdict.state), std::move(verdict.reason), std::move(verdict.advice)});
}

}  // namespace corral::supervisor
