// The feed of pages: one picture for all, only what has changed, and an end.

#include "daemon/box_feed.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class feed : public ::testing::Test {
protected:
    feed()
        : tasks(io.get_executor(), [](const std::string&, const std::string&) {}),
          of(tasks, clock,
             {[this] {
                  ++pictures;
                  return api::desk_json{{"state", state}, {"uptime_seconds", pictures}};
              },
              [] {
                  return api::desk_json{{"waiting", api::desk_json::array()}};
              },
              [this] { return over; }}) {}

    std::unique_ptr<api::desk_stream> watch(const std::string& client = "a") {
        auto made = of.watch(client);
        EXPECT_TRUE(made);
        return made ? std::move(*made) : nullptr;
    }
    // The next piece, or nothing: the stream has ended.
    std::optional<std::string> next(api::desk_stream& from) {
        io.restart();
        std::optional<std::optional<std::string>> got;
        boost::asio::co_spawn(
            io,
            [&]() -> core::awaitable<void> {
                auto coming = from.next();
                got = co_await std::move(coming);
            },
            boost::asio::detached);
        const auto limit = std::chrono::steady_clock::now() + 20s;
        while (!got && std::chrono::steady_clock::now() < limit) {
            io.run_one_for(1s);
        }
        EXPECT_TRUE(got);
        return got.value_or(std::nullopt);
    }

    boost::asio::io_context io;
    core::steady_clock_source clock;
    core::task_group tasks;
    std::string state = "ready";
    int pictures = 0;
    bool over = false;
    box_feed of;
};

TEST_F(feed, tells_the_whole_picture_first_and_then_what_has_changed) {
    const auto one = watch();
    EXPECT_THAT(next(*one).value_or(""), HasSubstr("event: status\ndata: {\"state\":\"ready\""));
    state = "broken";
    const std::string second = next(*one).value_or("");
    EXPECT_THAT(second, HasSubstr("broken"));
    EXPECT_THAT(second, Not(HasSubstr("event: requests"))) << "they are as they were";
}

TEST_F(feed, makes_one_picture_for_all) {
    const auto one = watch("a");
    const auto two = watch("b");
    const auto first = next(*one);
    const int made = pictures;
    EXPECT_EQ(next(*two), first);
    EXPECT_EQ(pictures, made);
}

TEST_F(feed, has_a_bound_and_a_share_for_each_client) {
    std::vector<std::unique_ptr<api::desk_stream>> all;
    for (std::size_t i = 0; i < box_feed::most_of_client; ++i) {
        all.push_back(watch("greedy"));
    }
    EXPECT_FALSE(of.watch("greedy"));
    EXPECT_TRUE(of.watch("other"));
    all.pop_back();
    EXPECT_TRUE(of.watch("greedy"));
}

TEST_F(feed, ends_its_streams_before_an_upgrade_and_takes_new_ones_where_that_is_given_up) {
    const auto one = watch();
    EXPECT_TRUE(next(*one));
    over = true;
    std::optional<std::string> last = next(*one);
    while (last) {
        last = next(*one);
    }
    EXPECT_FALSE(of.watch("a"));
    over = false;
    const auto two = watch();
    EXPECT_THAT(next(*two).value_or(""), HasSubstr("event: status"));
}

TEST(without_ages, keeps_what_happened) {
    const api::desk_json with = {{"uptime_seconds", 5},
                                 {"models", {{{"state", "ready"}, {"for_seconds", 1.5}}}}};
    const api::desk_json expected = {{"models", {{{"state", "ready"}}}}};
    EXPECT_EQ(without_ages(with), expected);
}

}  // namespace
}  // namespace corral::daemon
