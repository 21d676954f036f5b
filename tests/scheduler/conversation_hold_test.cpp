#include "scheduler/conversation_hold.hpp"

#include <gtest/gtest.h>

namespace corral::scheduler {
namespace {

using core::milliseconds;
using core::seconds;

class hold_test : public testing::Test {
protected:
    hold_test() { holds_.set_longest(seconds{1}); }
    // A run of `client` that begins so long after the last one has ended.
    void run(bool went_on, core::nanoseconds after = milliseconds{300}, const std::string& client = "a") {
        now_ += after;
        holds_.granted(place_, client, went_on, now_);
        now_ += seconds{10};
        holds_.released(place_, client, saving_, now_);
    }
    [[nodiscard]] bool kept(std::size_t others = 1) const { return place_.holds(now_, others); }

    conversation_hold holds_;
    kept_place place_;
    core::nanoseconds saving_ = seconds{6};
    core::steady_time now_{seconds{100}};
};

TEST_F(hold_test, nothing_is_kept_before_going_on_in_time_was_seen) {
    run(false);
    EXPECT_FALSE(kept());
    run(true, seconds{30});
    EXPECT_FALSE(kept()) << "of somebody who reads";
    run(true);
    EXPECT_TRUE(kept());
    now_ += milliseconds{999};
    EXPECT_TRUE(kept());
    now_ += milliseconds{1};
    EXPECT_FALSE(kept());
}

// The next turn comes in time with a chance of one half, and then saves as much.
TEST_F(hold_test, nobody_waits_for_less_than_is_saved) {
    saving_ = milliseconds{1000};
    run(false);
    run(true);
    EXPECT_FALSE(kept()) << "a second, for half a second that may be saved";
    now_ += milliseconds{600};
    EXPECT_TRUE(kept());
    EXPECT_FALSE(kept(2)) << "two of them";
    now_ += milliseconds{300};
    EXPECT_TRUE(kept(2));
    saving_ = milliseconds{20};
    for (int i = 0; i < 20; ++i) {
        run(true);
        now_ += milliseconds{900};
        EXPECT_FALSE(kept()) << "a chunk of a fast box";
        now_ -= milliseconds{900};
    }
    saving_ = seconds{0};
    run(true);
    EXPECT_FALSE(kept()) << "not known";
}

TEST_F(hold_test, none_where_it_is_switched_off) {
    holds_.set_longest(seconds{0});
    run(true);
    run(true);
    EXPECT_FALSE(kept());
}

TEST_F(hold_test, every_turn_that_did_not_come_in_time_makes_the_next_less_likely) {
    run(false);
    for (int i = 0; i < 6; ++i) {
        run(true);
    }
    EXPECT_TRUE(kept(5));
    run(false);  // regenerated, or another question
    EXPECT_FALSE(kept(5));
    EXPECT_TRUE(kept(2));
    place_.delays = true;
    run(false, seconds{1}, "stranger");
    run(false, seconds{1}, "a");
    EXPECT_FALSE(kept(2)) << "a stranger waited for nothing";
    EXPECT_TRUE(kept(1));
    run(true, seconds{20});
    EXPECT_FALSE(kept(1)) << "it came late";
}

// It is no fault to stay away while others have the place at once.
TEST_F(hold_test, what_delayed_nobody_teaches_nothing) {
    run(false);
    run(true);
    run(true);
    for (int i = 0; i < 5; ++i) {
        run(false, seconds{60}, "stranger");
    }
    holds_.granted(place_, "a", false, now_);
    holds_.released(place_, "a", saving_, now_);
    EXPECT_TRUE(kept(4));
}

TEST_F(hold_test, ten_thousand_clients_leave_no_more_than_the_last_ones) {
    for (int i = 0; i < 10'000; ++i) {
        run(true, milliseconds{300}, "client" + std::to_string(i));
    }
    EXPECT_TRUE(kept());
}

}  // namespace
}  // namespace corral::scheduler
