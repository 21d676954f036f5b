#include "http/share_turns.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace corral::http {
namespace {

using core::milliseconds;

TEST(step_pace, lets_single_steps_run_at_once) {
    step_pace pace;
    core::manual_clock clock;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(pace.next(clock.now()), clock.now());
        pace.take(clock.now());
        pace.took(milliseconds{4});
        clock.advance(milliseconds{50});
    }
}

TEST(step_pace, leaves_a_crowd_a_third_of_the_time_in_its_order) {
    step_pace pace;
    core::manual_clock clock;
    for (int i = 0; i < 20; ++i) {
        pace.took(milliseconds{4});
    }
    core::steady_time last = clock.now();
    pace.take(last);
    for (int i = 0; i < 100; ++i) {
        const core::steady_time turn = pace.next(clock.now());
        pace.take(clock.now());
        EXPECT_GE(turn - last, milliseconds{11});
        EXPECT_LE(turn - last, milliseconds{12});
        last = turn;
    }
}

TEST(step_pace, is_not_spoilt_by_one_long_step) {
    step_pace pace;
    core::manual_clock clock;
    pace.took(std::chrono::hours{1});
    pace.take(clock.now());
    EXPECT_LE(pace.next(clock.now()) - clock.now(), milliseconds{30});
}

core::awaitable<void> one_step(std::shared_ptr<share_turns> turns, std::string share,
                               std::vector<std::string>& order) {
    const auto on = co_await core::asio::this_coro::executor;
    core::asio::steady_timer wake(on);
    co_await turns->wait(share, wake);
    order.push_back(share);
    turns->took(std::chrono::microseconds{200});
}

TEST(share_turns, one_client_with_many_waits_behind_the_others) {
    core::asio::io_context loop;
    const auto turns = std::make_shared<share_turns>(loop.get_executor());
    std::vector<std::string> order;
    turns->took(std::chrono::microseconds{400});
    for (int i = 0; i < 60; ++i) {
        core::asio::co_spawn(loop, one_step(turns, "greedy", order), core::asio::detached);
    }
    for (const char* each : {"b", "c"}) {
        core::asio::co_spawn(loop, one_step(turns, each, order), core::asio::detached);
    }
    loop.run();
    ASSERT_EQ(order.size(), 62U);
    const auto place_of = [&order](std::string_view who) {
        return std::find(order.begin(), order.end(), who) - order.begin();
    };
    EXPECT_LE(place_of("b"), 3);
    EXPECT_LE(place_of("c"), 4);
}

TEST(share_turns, of_requests_one_begins_in_each_round_of_the_loop_and_shares_take_turns) {
    core::asio::io_context loop;
    const auto turns = std::make_shared<share_turns>(loop.get_executor(), share_turns::spacing::by_round);
    EXPECT_TRUE(turns->passes());
    EXPECT_FALSE(turns->passes()) << "once a round";
    loop.run();
    loop.restart();
    EXPECT_TRUE(turns->passes());
    std::vector<std::string> order;
    for (int i = 0; i < 60; ++i) {
        core::asio::co_spawn(loop, one_step(turns, "greedy", order), core::asio::detached);
    }
    core::asio::co_spawn(loop, one_step(turns, "b", order), core::asio::detached);
    std::size_t rounds = 0;
    std::size_t most_in_one = 0;
    std::size_t before = 0;
    std::function<void()> count = [&] {
        most_in_one = std::max(most_in_one, order.size() - std::exchange(before, order.size()));
        if (++rounds < 500 && order.size() < 61) {
            core::asio::post(loop, count);
        }
    };
    core::asio::post(loop, count);
    loop.run();
    ASSERT_EQ(order.size(), 61U);
    EXPECT_LE(most_in_one, 2U) << "others have their time in between";
    EXPECT_LE(std::find(order.begin(), order.end(), "b") - order.begin(), 2);
}

TEST(share_turns, one_that_leaves_holds_nobody_up) {
    core::asio::io_context loop;
    const auto turns = std::make_shared<share_turns>(loop.get_executor());
    std::vector<std::string> order;
    turns->took(std::chrono::milliseconds{4});
    core::asio::steady_timer first(loop);
    core::asio::steady_timer leaves(loop);
    const auto waits = [turns](core::asio::steady_timer& wake, std::string share) -> core::awaitable<void> {
        co_await turns->wait(std::move(share), wake);
    };
    core::asio::co_spawn(loop, waits(first, "a"), core::asio::detached);
    core::asio::co_spawn(loop, waits(leaves, "a"), core::asio::detached);
    loop.poll();
    leaves.cancel();
    core::asio::co_spawn(loop, one_step(turns, "b", order), core::asio::detached);
    loop.run();
    EXPECT_EQ(order.size(), 1U);
}

}  // namespace
}  // namespace corral::http
