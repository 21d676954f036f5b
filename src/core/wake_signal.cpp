#include "corral/core/wake_signal.hpp"

#include <utility>

#include <boost/asio/error.hpp>

namespace corral::core {

namespace {

bool is_cancelled(const asio::cancellation_state& state) {
    return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

// Lives in the frame of the coroutine that waits, in its signal's list.
class wake_signal::waiter {
public:
    waiter(wake_signal& of, steady_time until) : timer_(of.on_, until), of_(&of), next_(of.first_) {
        if (next_ != nullptr) {
            next_->before_ = this;
        }
        of.first_ = this;
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() {
        if (of_ == nullptr) {
            return;
        }
        (before_ == nullptr ? of_->first_ : before_->next_) = next_;
        if (next_ != nullptr) {
            next_->before_ = before_;
        }
    }

    void ring() {
        if (!std::exchange(rung_, true)) {
            timer_.cancel();
        }
    }
    // The signal goes first.
    void part() {
        ring();
        of_ = nullptr;
    }
    [[nodiscard]] waiter* next() const noexcept { return next_; }
    [[nodiscard]] bool rung() const noexcept { return rung_; }
    [[nodiscard]] asio::steady_timer& timer() noexcept { return timer_; }

private:
    asio::steady_timer timer_;
    wake_signal* of_;
    waiter* before_ = nullptr;
    waiter* next_;
    bool rung_ = false;
};

wake_signal::~wake_signal() {
    for (waiter* each = first_; each != nullptr; each = each->next()) {
        each->part();
    }
}

void wake_signal::ring() {
    for (waiter* each = first_; each != nullptr; each = each->next()) {
        each->ring();
    }
}

awaitable<wake_reason> wake_signal::wait(deadline until) {
    // The flag belongs to the whole call chain, so the caller gets it back as it was.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    wake_reason reason = wake_reason::cancelled;
    const asio::cancellation_state before = co_await asio::this_coro::cancellation_state;
    if (!is_cancelled(before)) {
        waiter me(*this, until.reachable() ? until.at() : steady_time::max());
        co_await me.timer().async_wait(as_result);
        const asio::cancellation_state after = co_await asio::this_coro::cancellation_state;
        if (!is_cancelled(after)) {
            reason = me.rung() ? wake_reason::rung : wake_reason::timed_out;
        }
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
