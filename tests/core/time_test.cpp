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

using namespace std::chrono_literals;

const wall_time evening{1'700'000'000'123ms};

TEST(wall_time, is_utc_whatever_the_local_time) {
    ::setenv("TZ", "XYZ-2", 1);
    ::tzset();
    EXPECT_EQ(utc_text(evening), "2023-11-14T22:13:20Z");
    EXPECT_EQ(utc_text(evening, "%Y-%m-%d"), "2023-11-14");
    EXPECT_EQ(utc_milliseconds(evening), "2023-11-14T22:13:20.123Z");
    ::unsetenv("TZ");
    ::tzset();
}

TEST(wall_time, of_a_clock_that_was_never_set_is_rounded_down_too) {
    const wall_time before{-1ms};
    EXPECT_EQ(utc_text(before), "1969-12-31T23:59:59Z");
    EXPECT_EQ(utc_milliseconds(before), "1969-12-31T23:59:59.999Z");
}

TEST(wall_time, is_read_in_any_zone) {
    const wall_time second{1'700'000'000s};
    EXPECT_EQ(stamp_of("2023-11-14T22:13:20Z"), second);
    EXPECT_EQ(stamp_of("2023-11-15T00:13:20.706015396+02:00"), second);
    EXPECT_EQ(stamp_of("2023-11-14T16:43:20-05:30"), second);
    EXPECT_EQ(stamp_of("soon"), std::nullopt);
}

}  // namespace
}  // namespace corral::core
