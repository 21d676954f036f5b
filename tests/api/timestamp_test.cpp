#include "api/timestamp.hpp"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace corral::api {
namespace {

wall_time at(long seconds, long nanoseconds) {
    return wall_time(std::chrono::seconds(seconds)) + std::chrono::nanoseconds(nanoseconds);
}

TEST(timestamp, prints_up_to_nine_digits_and_cuts_zeros) {
    EXPECT_EQ(utc_stamp(at(1787338102, 123456789)), "2026-08-21T18:48:22.123456789Z");
    EXPECT_EQ(utc_stamp(at(1787338102, 97767000)), "2026-08-21T18:48:22.097767Z");
    EXPECT_EQ(utc_stamp(at(1787338102, 500000000)), "2026-08-21T18:48:22.5Z");
    EXPECT_EQ(utc_stamp(at(1787338102, 0)), "2026-08-21T18:48:22Z");
    EXPECT_EQ(utc_stamp(at(0, 0)), "1970-01-01T00:00:00Z");
}

TEST(timestamp, uses_the_local_offset) {
    setenv("TZ", "UTC-02:00", 1);
    tzset();
    EXPECT_EQ(local_stamp(at(1787338102, 5)), "2026-08-21T20:48:22.000000005+02:00");
    setenv("TZ", "UTC+03:30", 1);
    tzset();
    EXPECT_EQ(local_stamp(at(1787338102, 0)), "2026-08-21T15:18:22-03:30");
    setenv("TZ", "UTC", 1);
    tzset();
    EXPECT_EQ(local_stamp(at(1787338102, 0)), "2026-08-21T18:48:22Z");
}

}  // namespace
}  // namespace corral::api
