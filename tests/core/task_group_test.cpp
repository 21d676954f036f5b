#include "corral/core/task_group.hpp"

#include <stdexcept>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::core {
namespace {

struct fixture : testing::Test {
    asio::io_context loop;
    std::vector<std::string> errors;
    task_group tasks{loop.get_executor(), [this](const std::string& task, const std::string& what) {
                         errors.push_back(task + ": " + what);
                     }};
};
using task_group_test = fixture;

awaitable<void> wait_for(wake_signal& bell) {
    static_cast<void>(co_await bell.wait());
}

awaitable<void> fail_with(std::string what) {
    throw std::runtime_error(what);
    co_return;
}

TEST_F(task_group_test, what_escapes_a_task_is_told_once_with_its_name) {
    tasks.spawn("poller", fail_with("no answer"));
    loop.run_for(seconds(5));
    EXPECT_EQ(errors, std::vector<std::string>{"poller: no answer"});
    EXPECT_TRUE(tasks.empty());
}

TEST_F(task_group_test, cancel_ends_all_and_is_no_error) {
    wake_signal bell(loop.get_executor());
    tasks.spawn("one", wait_for(bell));
    tasks.spawn("two", wait_for(bell));
    loop.poll();
    EXPECT_EQ(tasks.size(), 2u);
    tasks.cancel();
    loop.run_for(seconds(5));
    EXPECT_TRUE(tasks.empty());
    EXPECT_TRUE(errors.empty());
}

// Its end is on its way when somebody cancels all, and not from the loop.
TEST_F(task_group_test, a_task_may_end_before_its_cancellation_arrives) {
    for (int i = 0; i < 100; ++i) {
        wake_signal bell(loop.get_executor());
        tasks.spawn("one", wait_for(bell));
        tasks.spawn("two", wait_for(bell));
        loop.restart();
        loop.poll();
        bell.ring();
        tasks.cancel();
        loop.restart();
        loop.run_for(seconds(5));
        ASSERT_TRUE(tasks.empty());
    }
    EXPECT_TRUE(errors.empty());
}

// All have ended, and the group has gone with its owner, while the cancellation is on its way.
TEST_F(task_group_test, a_group_may_go_before_its_cancellation_arrives) {
    for (int steps = 0; steps < 10; ++steps) {
        auto group = std::make_unique<task_group>(
            loop.get_executor(),
            [](const std::string& task, const std::string& what) { ADD_FAILURE() << task << what; });
        wake_signal bell(loop.get_executor());
        group->spawn("one", wait_for(bell));
        loop.restart();
        loop.poll();
        bell.ring();
        for (int i = 0; i < steps; ++i) {
            loop.poll_one();
        }
        group->cancel();
        while (!group->empty()) {
            ASSERT_GT(loop.run_one_for(seconds(5)), 0U);
        }
        group.reset();
        loop.restart();
        loop.run_for(seconds(5));
    }
}

TEST_F(task_group_test, wait_empty_gives_up_at_its_deadline) {
    wake_signal bell(loop.get_executor());
    tasks.spawn("endless", wait_for(bell));
    std::optional<bool> ended;
    asio::co_spawn(loop, tasks.wait_empty(deadline::after(milliseconds(5), std::chrono::steady_clock::now())),
                   [&](std::exception_ptr, bool all) { ended = all; });
    loop.run_for(milliseconds(500));
    EXPECT_EQ(ended, false);
    tasks.cancel();
    loop.restart();
    loop.run_for(seconds(5));
}

TEST_F(task_group_test, wait_empty_sees_the_last_task_go) {
    wake_signal bell(loop.get_executor());
    tasks.spawn("short", wait_for(bell));
    std::optional<bool> ended;
    asio::co_spawn(loop, tasks.wait_empty(), [&](std::exception_ptr, bool all) { ended = all; });
    loop.poll();
    EXPECT_FALSE(ended.has_value());
    bell.ring();
    loop.run_for(seconds(5));
    EXPECT_EQ(ended, true);
}

TEST_F(task_group_test, a_task_spawned_after_a_cancel_runs) {
    tasks.cancel();
    wake_signal bell(loop.get_executor());
    tasks.spawn("later", wait_for(bell));
    loop.poll();
    EXPECT_EQ(tasks.size(), 1u);
    bell.ring();
    loop.run_for(seconds(5));
    EXPECT_TRUE(tasks.empty());
}

}  // namespace
}  // namespace corral::core
