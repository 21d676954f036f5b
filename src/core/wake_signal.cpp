#include "corral/core/wake_signal.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace corral::core {

namespace {

bool is_cancelled(const asio::cancellation_state& state) {
    return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

awaitable<wake_reason> wake_signal::wait(deadline until) {
    // The flag belongs to the whole call chain, so the caller gets it back as it was.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    wake_reason reason = wake_reason::rung;
    const asio::cancellation_state before = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(before)) {
        reason = wake_reason::cancelled;
    } else if (!until.reachable()) {
        co_await timer_.async_wait(as_result);
    } else {
        using namespace asio::experimental::awaitable_operators;
        asio::steady_timer limit(timer_.get_executor(), until.at());
        const auto first = co_await (timer_.async_wait(as_result) || limit.async_wait(as_result));
        reason = first.index() == 0 ? wake_reason::rung : wake_reason::timed_out;
    }
    const asio::cancellation_state after = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(after)) {
        reason = wake_reason::cancelled;
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return reason;
}

awaitable<bool> sleep_until(steady_time when) {
    const executor on = co_await asio::this_coro::executor;
    wake_signal never_rung(on);
    const deadline until{when};
    co_return co_await never_rung.wait(until) == wake_reason::timed_out;
}

awaitable<bool> sleep_for(nanoseconds span) {
    co_return co_await sleep_until(std::chrono::steady_clock::now() +
                                   std::chrono::duration_cast<steady_time::duration>(span));
}

}  // namespace corral::core
