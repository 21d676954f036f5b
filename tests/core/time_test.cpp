#include "corral/core/time.hpp"

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(deadline, by_default_never_passes) {
    EXPECT_FALSE(deadline{}.reachable());
    EXPECT_FALSE(deadline{}.passed(steady_time{} + std::chrono::hours(100'000)));
}

TEST(deadline, has_no_negative_time_left) {
    manual_clock clock;
    const auto limit = deadline::after(milliseconds(10), clock.now());
    EXPECT_EQ(limit.left(clock.now()), milliseconds(10));
    clock.advance(milliseconds(25));
    EXPECT_EQ(limit.left(clock.now()), nanoseconds(0));
    EXPECT_TRUE(limit.passed(clock.now()));
}

TEST(deadline, a_span_beyond_the_clock_is_unreachable_instead_of_overflowing) {
    manual_clock clock;
    EXPECT_FALSE(deadline::after(nanoseconds::max(), clock.now()).reachable());
}

TEST(deadline, the_sooner_of_two_wins) {
    manual_clock clock;
    const auto soon = deadline::after(milliseconds(1), clock.now());
    EXPECT_EQ(soon.sooner(deadline{}).at(), soon.at());
    EXPECT_EQ(deadline{}.sooner(soon).at(), soon.at());
}

}  // namespace
}  // namespace corral::core
