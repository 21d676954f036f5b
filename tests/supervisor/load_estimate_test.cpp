#include "supervisor/machine/load_estimate.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using core::seconds;

TEST(load_time_left, is_unknown_while_nothing_tells) {
    EXPECT_FALSE(load_time_left(std::nullopt, seconds{5}, std::nullopt));
    EXPECT_FALSE(load_time_left(0.05, seconds{5}, std::nullopt)) << "the first steps are not like the rest";
    EXPECT_FALSE(load_time_left(std::nullopt, seconds{90}, seconds{60})) << "longer than ever";
}

TEST(load_time_left, follows_the_bar_where_there_is_no_load_before) {
    EXPECT_EQ(load_time_left(0.6, seconds{60}, std::nullopt), seconds{40});
}

TEST(load_time_left, follows_the_last_load_until_the_bar_says_better) {
    EXPECT_EQ(load_time_left(std::nullopt, seconds{10}, seconds{100}), seconds{90});
    EXPECT_EQ(load_time_left(0.5, seconds{100}, seconds{100}), seconds{50})
        << "half by the bar: 100, half by habit: 0";
}

TEST(load_time_left, never_says_that_it_is_over) {
    EXPECT_EQ(load_time_left(1.0, seconds{100}, seconds{100}), seconds{1});
    EXPECT_EQ(load_time_left(7.0, seconds{-3}, seconds{0}), seconds{1}) << "nonsense in, sense out";
}

}  // namespace
}  // namespace corral::supervisor
