#include "scheduler/conversation_hold.hpp"

#include <gtest/gtest.h>

namespace corral::scheduler {
namespace {

using core::milliseconds;
using core::seconds;

class hold_test : public testing::Test {
protected:
    hold_test() { holds_.set_longest(seconds{1}); }
    void run(bool went_on, const std::string& client = "a") {
        holds_.granted(place_, client, went_on, now_);
        now_ += seconds{10};
        holds_.released(place_, client, now_);
    }
    [[nodiscard]] bool kept() const { return place_.holds(now_); }
    // Somebody waits until the hold is over.
    void miss() {
        place_.delays = true;
        now_ += seconds{1};
        run(false, "stranger");
        holds_.granted(place_, "a", true, now_ += seconds{5});
        holds_.released(place_, "a", now_ += seconds{5});
    }

    conversation_hold holds_;
    kept_place place_;
    core::steady_time now_{seconds{100}};
};

TEST_F(hold_test, nothing_is_kept_before_going_on_was_seen) {
    run(false);
    EXPECT_FALSE(kept());
    run(true);
    EXPECT_TRUE(kept());
    now_ += milliseconds{999};
    EXPECT_TRUE(kept());
    now_ += milliseconds{1};
    EXPECT_FALSE(kept());
}

TEST_F(hold_test, a_new_process_has_to_show_it_again) {
    run(true);
    place_ = {};
    run(false);
    EXPECT_FALSE(kept());
}

TEST_F(hold_test, none_where_it_is_switched_off) {
    holds_.set_longest(seconds{0});
    run(true);
    run(true);
    EXPECT_FALSE(kept());
}

TEST_F(hold_test, a_client_that_lets_others_wait_for_nothing_gets_fewer_chances) {
    run(true);
    std::string seen;
    for (int i = 0; i < 40; ++i) {
        seen += kept() ? '+' : '-';
        if (kept()) {
            miss();
        } else {
            now_ += seconds{5};
            run(true);
        }
    }
    EXPECT_EQ(seen.substr(0, 26), "+-+---+-------+-----------");
}

TEST_F(hold_test, one_that_goes_on_in_time_has_all_its_chances_again) {
    run(true);
    for (int i = 0; i < 20; ++i) {
        kept() ? miss() : run(true);
    }
    now_ += milliseconds{300};
    run(true);
    EXPECT_TRUE(kept());
}

// It is no fault to stay away while nobody waits.
TEST_F(hold_test, what_delayed_nobody_is_no_miss) {
    for (int i = 0; i < 5; ++i) {
        now_ += seconds{60};
        run(true);
        EXPECT_TRUE(kept());
    }
    now_ += seconds{60};
    run(false, "stranger");
    now_ += seconds{60};
    run(true);
    EXPECT_TRUE(kept());
}

TEST_F(hold_test, ten_thousand_clients_leave_no_more_than_the_last_ones) {
    for (int i = 0; i < 10'000; ++i) {
        run(true, "client" + std::to_string(i));
    }
    EXPECT_TRUE(kept());
}

}  // namespace
}  // namespace corral::scheduler
