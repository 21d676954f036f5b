#include "corral/core/wall_time.hpp"

#include <gtest/gtest.h>

namespace corral::core {
namespace {

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
