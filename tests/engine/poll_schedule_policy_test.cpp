#include "engine/dialects/ax_poll/poll_schedule_policy.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds;
using core::steady_time;

class poll_schedule_test : public ::testing::Test {
protected:
    [[nodiscard]] steady_time at(double ms) const {
        return start + std::chrono::duration_cast<steady_time::duration>(
                           std::chrono::duration<double, std::milli>(ms));
    }
    // Milliseconds from the start to the next poll.
    [[nodiscard]] double next() const {
        return std::chrono::duration<double, std::milli>(plan.next() - start).count();
    }
    void polled(double ms, bool text = false, bool done = false) {
        plan.on_polled(at(ms), at(ms + 0.2), text, done);
    }
    steady_time start{core::seconds{1000}};
    poll_schedule_policy plan{milliseconds{250}};
};

TEST_F(poll_schedule_test, a_sign_polls_at_once_and_twice_more) {
    plan.begin(poll_mode::following, start);
    EXPECT_EQ(next(), 250);
    plan.on_sign(at(10));
    EXPECT_EQ(next(), 10);
    polled(10);
    EXPECT_EQ(next(), 12);
    polled(12);
    EXPECT_EQ(next(), 18);
    polled(18);
    EXPECT_NEAR(next(), 268.2, 0.01);
}

TEST_F(poll_schedule_test, what_was_announced_and_came_is_not_asked_for_again) {
    plan.begin(poll_mode::following, start);
    plan.on_sign(at(10));
    polled(10, true);
    EXPECT_NEAR(next(), 260.2, 0.01);
}

TEST_F(poll_schedule_test, a_sign_during_a_poll_is_not_lost) {
    plan.begin(poll_mode::following, start);
    plan.on_sign(at(10));
    plan.on_sign(at(20.1));
    polled(20, true);
    EXPECT_NEAR(next(), 20.1, 0.01);
}

TEST_F(poll_schedule_test, one_poll_a_piece_when_output_follows_the_answer_of_the_tap) {
    plan.begin(poll_mode::following, start);
    int polls = 0;
    for (int piece = 1; piece <= 50; ++piece) {
        plan.on_answered(at(piece * 60));
        plan.on_sign(at(piece * 60 + 0.7));
        ASSERT_NEAR(next(), piece * 60 + 0.7, 0.01);
        polled(piece * 60 + 0.7, true);
        ++polls;
        ASSERT_GT(next(), (piece + 1) * 60);
    }
    EXPECT_EQ(polls, 50);
}

TEST_F(poll_schedule_test, without_signs_the_timer_adapts_to_the_pieces) {
    plan.begin(poll_mode::following, start);
    for (int i = 1; i <= 10; ++i) {
        polled(i * 40, true);
    }
    EXPECT_NEAR(next() - 400.2, 10, 0.5);
}

TEST_F(poll_schedule_test, done_is_looked_at_again_without_delay) {
    plan.begin(poll_mode::following, start);
    polled(100, false, true);
    EXPECT_NEAR(next(), 100.2, 0.01);
}

TEST_F(poll_schedule_test, settling_slows_down_with_the_time_waited_and_never_beyond_the_net) {
    plan.begin(poll_mode::settling, start);
    EXPECT_EQ(next(), 0);
    double last = 0;
    int polls = 0;
    for (double now = next(); now < 10'000; now = next()) {
        polled(now);
        EXPECT_LE(next() - now, 251);
        EXPECT_GE(next() - now, 2);
        last = next() - now;
        ++polls;
    }
    EXPECT_GT(last, 200);
    EXPECT_LT(polls, 150);
}

}  // namespace
}  // namespace corral::engine::ax_poll
