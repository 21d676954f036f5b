#include "http/step_pace.hpp"

#include <gtest/gtest.h>

namespace corral::http {
namespace {

using core::milliseconds;

TEST(step_pace, lets_single_steps_run_at_once) {
    step_pace pace;
    core::manual_clock clock;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(pace.reserve(clock.now()), clock.now());
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
    core::steady_time last = pace.reserve(clock.now());
    for (int i = 0; i < 100; ++i) {
        const core::steady_time turn = pace.reserve(clock.now());
        EXPECT_GE(turn - last, milliseconds{11});
        EXPECT_LE(turn - last, milliseconds{12});
        last = turn;
    }
}

TEST(step_pace, is_not_spoilt_by_one_long_step) {
    step_pace pace;
    core::manual_clock clock;
    pace.took(std::chrono::hours{1});
    static_cast<void>(pace.reserve(clock.now()));
    EXPECT_LE(pace.reserve(clock.now()) - clock.now(), milliseconds{30});
}

}  // namespace
}  // namespace corral::http
