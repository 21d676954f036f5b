#include "scheduler/service_time.hpp"

#include <gtest/gtest.h>

namespace corral::scheduler {
namespace {

using core::seconds;

TEST(service_time, first_measurement_replaces_the_guess) {
    service_time held;
    EXPECT_GE(held.until_served(1), seconds{1});
    held.add(seconds{10});
    EXPECT_EQ(held.until_served(3), seconds{30});
}

TEST(service_time, has_no_mean_before_the_first_measurement) {
    service_time held;
    EXPECT_EQ(held.mean(), std::nullopt);
    held.add(seconds{10});
    EXPECT_EQ(held.mean(), seconds{10});
}

TEST(service_time, follows_a_change_slowly) {
    service_time held;
    held.add(seconds{10});
    held.add(seconds{20});
    EXPECT_EQ(held.until_served(1), seconds{12});
    for (int i = 0; i < 100; ++i) {
        held.add(seconds{20});
    }
    EXPECT_EQ(held.until_served(1), seconds{20});
}

TEST(service_time, stays_between_one_second_and_ten_minutes) {
    service_time held;
    held.add(core::milliseconds{1});
    EXPECT_EQ(held.until_served(0), seconds{1});
    EXPECT_EQ(held.until_served(3), seconds{1});
    held.add(seconds{1000});
    EXPECT_EQ(held.until_served(512), seconds{600});
}

}  // namespace
}  // namespace corral::scheduler
