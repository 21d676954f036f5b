#include "corral/core/wake_signal.hpp"

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace corral::core {
namespace {

awaitable<void> note_reason(wake_signal& bell, deadline until, std::vector<wake_reason>& seen) {
    seen.push_back(co_await bell.wait(until));
}

TEST(wake_signal, one_ring_wakes_every_waiter) {
    asio::io_context loop;
    wake_signal bell(loop.get_executor());
    std::vector<wake_reason> seen;
    asio::co_spawn(loop, note_reason(bell, {}, seen), asio::detached);
    asio::co_spawn(loop,
                   note_reason(bell, deadline::after(seconds(60), std::chrono::steady_clock::now()), seen),
                   asio::detached);
    loop.poll();
    ASSERT_TRUE(seen.empty());
    bell.ring();
    loop.run_for(seconds(5));
    EXPECT_EQ(seen, (std::vector{wake_reason::rung, wake_reason::rung}));
}

TEST(wake_signal, a_deadline_ends_the_wait) {
    asio::io_context loop;
    wake_signal bell(loop.get_executor());
    std::vector<wake_reason> seen;
    asio::co_spawn(
        loop, note_reason(bell, deadline::after(milliseconds(1), std::chrono::steady_clock::now()), seen),
        asio::detached);
    loop.run_for(seconds(5));
    EXPECT_EQ(seen, std::vector{wake_reason::timed_out});
}

TEST(wake_signal, a_ring_with_nobody_waiting_is_not_kept) {
    asio::io_context loop;
    wake_signal bell(loop.get_executor());
    bell.ring();
    std::vector<wake_reason> seen;
    asio::co_spawn(
        loop, note_reason(bell, deadline::after(milliseconds(5), std::chrono::steady_clock::now()), seen),
        asio::detached);
    loop.run_for(seconds(5));
    EXPECT_EQ(seen, std::vector{wake_reason::timed_out});
}

class cancelled_wait : public testing::TestWithParam<bool> {};

TEST_P(cancelled_wait, is_an_ordinary_result) {
    asio::io_context loop;
    wake_signal bell(loop.get_executor());
    asio::cancellation_signal cancel;
    std::vector<wake_reason> seen;
    const deadline until =
        GetParam() ? deadline::after(seconds(60), std::chrono::steady_clock::now()) : deadline{};
    asio::co_spawn(loop, note_reason(bell, until, seen),
                   asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    loop.poll();
    cancel.emit(asio::cancellation_type::terminal);
    loop.run_for(seconds(5));
    EXPECT_EQ(seen, std::vector{wake_reason::cancelled});
}

// Completed, but the cancel flag is up: a waiter must not take the ring for a reason to go on.
TEST_P(cancelled_wait, wins_over_a_ring_of_the_same_moment) {
    asio::io_context loop;
    wake_signal bell(loop.get_executor());
    asio::cancellation_signal cancel;
    std::vector<wake_reason> seen;
    const deadline until =
        GetParam() ? deadline::after(seconds(60), std::chrono::steady_clock::now()) : deadline{};
    asio::co_spawn(loop, note_reason(bell, until, seen),
                   asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    loop.poll();
    asio::post(loop, [&] {
        bell.ring();
        cancel.emit(asio::cancellation_type::terminal);
    });
    loop.run_for(seconds(5));
    EXPECT_EQ(seen, std::vector{wake_reason::cancelled});
}

INSTANTIATE_TEST_SUITE_P(with_and_without_deadline, cancelled_wait, testing::Bool());

awaitable<void> wait_then_wait(wake_signal& bell, int& resumed) {
    static_cast<void>(co_await bell.wait());
    ++resumed;
    static_cast<void>(co_await bell.wait());
    ++resumed;
}

TEST(wake_signal, leaves_the_callers_cancellation_habit_as_it_was) {
    asio::io_context loop;
    wake_signal bell(loop.get_executor());
    asio::cancellation_signal cancel;
    int resumed = 0;
    bool threw = false;
    asio::co_spawn(loop, wait_then_wait(bell, resumed),
                   asio::bind_cancellation_slot(cancel.slot(),
                                                [&](std::exception_ptr what) { threw = what != nullptr; }));
    loop.poll();
    cancel.emit(asio::cancellation_type::terminal);
    loop.run_for(seconds(5));
    EXPECT_EQ(resumed, 1);
    EXPECT_TRUE(threw);
}

TEST(sleep_for, ends_when_its_time_is_over) {
    asio::io_context loop;
    bool slept = false;
    asio::co_spawn(loop, sleep_for(milliseconds(1)), [&](std::exception_ptr, bool whole) { slept = whole; });
    loop.run_for(seconds(5));
    EXPECT_TRUE(slept);
}

}  // namespace
}  // namespace corral::core
