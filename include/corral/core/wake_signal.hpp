#pragma once
// A bell between coroutines of one thread: many may wait, one ring wakes them all.

#include <boost/asio/steady_timer.hpp>

#include "corral/core/async.hpp"
#include "corral/core/time.hpp"

namespace corral::core {

enum class wake_reason { rung, timed_out, cancelled };

// Not thread safe: all calls on the executor's thread. A ring without a waiter is not kept, so the pattern
// is `while (!condition) co_await signal.wait(deadline);` with no suspension between test and wait.
class wake_signal {
public:
    explicit wake_signal(executor on) : on_(std::move(on)) {}
    wake_signal(const wake_signal&) = delete;
    wake_signal& operator=(const wake_signal&) = delete;
    // Those that wait still are woken, and never look back.
    ~wake_signal();

    // Wakes every present waiter; they run later, never inside this call.
    void ring();

    // Returns rung, timed_out once `until` has passed, or cancelled when the waiting coroutine was cancelled.
    // REQUIRES: *this outlives the wait.
    [[nodiscard]] awaitable<wake_reason> wait(deadline until = {});

private:
    // One timer each: every piece of every answer passes several bells, and a second timer with a group of two waits
    // around both cost ten times as much.
    class waiter;

    executor on_;
    waiter* first_ = nullptr;
};

// Suspends until `when`; false when the coroutine was cancelled meanwhile.
[[nodiscard]] awaitable<bool> sleep_until(steady_time when);
[[nodiscard]] awaitable<bool> sleep_for(nanoseconds span);

}  // namespace corral::core
