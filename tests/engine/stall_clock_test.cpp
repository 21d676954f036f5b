#include "engine/dialects/ax_poll/stall_clock.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds;
using core::seconds;

TEST(stall_clock, keeps_the_default_until_it_knows_the_box) {
    stall_clock clock(seconds{60});
    for (int i = 0; i < 49; ++i) {
        clock.observe(milliseconds{100});
    }
    EXPECT_EQ(clock.limit(), seconds{60});
}

TEST(stall_clock, learns_but_stays_above_the_floor) {
    stall_clock clock(seconds{60});
    for (int i = 0; i < 100; ++i) {
        clock.observe(milliseconds{100});
    }
    EXPECT_EQ(clock.limit(), seconds{20});
}

TEST(stall_clock, is_a_multiple_of_what_is_slow_here) {
    stall_clock clock(seconds{60});
    for (int i = 0; i < 100; ++i) {
        clock.observe(seconds{3});
    }
    EXPECT_EQ(clock.limit(), seconds{30});
    clock.reset();
    EXPECT_EQ(clock.limit(), seconds{60});
}

TEST(stall_clock, never_exceeds_the_profile) {
    stall_clock clock(seconds{30});
    for (int i = 0; i < 100; ++i) {
        clock.observe(seconds{29});
    }
    EXPECT_EQ(clock.limit(), seconds{30});
}

}  // namespace
}  // namespace corral::engine::ax_poll
