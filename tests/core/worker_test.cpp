#include "corral/core/worker.hpp"

#include <future>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::core {
namespace {

awaitable<void> add(worker& to, std::string lane, std::string& order) {
    std::function<void()> work = [&order, lane] { order += lane; };
    auto running = to.run(std::move(work), lane);
    const bool done = co_await std::move(running);
    EXPECT_TRUE(done);
}

// One client's large requests don't hold up another's.
TEST(worker, lanes_take_turns_and_each_keeps_its_order) {
    asio::io_context loop;
    worker one;
    std::string order;
    std::promise<void> begun;
    std::promise<void> begin;
    std::function<void()> holds = [&] {
        begun.set_value();
        begin.get_future().wait();
    };
    asio::co_spawn(loop, run_on(&one, std::move(holds)), asio::detached);
    loop.poll();
    begun.get_future().wait();
    for (int i = 0; i < 5; ++i) {
        asio::co_spawn(loop, add(one, "a", order), asio::detached);
    }
    asio::co_spawn(loop, add(one, "b", order), asio::detached);
    asio::co_spawn(loop, add(one, "c", order), asio::detached);
    loop.poll();
    begin.set_value();
    loop.run();
    EXPECT_EQ(order, "abcaaaa");
}

TEST(worker, an_exception_comes_out_where_its_result_is_awaited_and_without_a_thread_the_caller_works) {
    asio::io_context loop;
    worker one;
    std::string told;
    bool here = false;
    const auto ask = [&]() -> awaitable<void> {
        std::function<void()> fails = [] { throw std::runtime_error("no"); };
        auto running = run_on(&one, std::move(fails), "a");
        try {
            co_await std::move(running);
        } catch (const std::runtime_error& error) {
            told = error.what();
        }
        std::function<void()> notes = [&here] { here = true; };
        auto alone = run_on(nullptr, std::move(notes));
        co_await std::move(alone);
    };
    asio::co_spawn(loop, ask(), asio::detached);
    loop.run();
    EXPECT_EQ(told, "no");
    EXPECT_TRUE(here);
}

}  // namespace
}  // namespace corral::core
