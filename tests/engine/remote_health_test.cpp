// Passive and active health of a remote server, by hand.

#include "engine/dialects/ollama_remote/remote_health.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ollama_remote {
namespace {

using core::seconds;

class outlier_policy_test : public testing::Test {
protected:
    outlier_policy policy_{outlier_rule{3, 0.5, 6, seconds{60}, seconds{30}, seconds{100}}};
    core::steady_time now_{seconds{1000}};
};

TEST_F(outlier_policy_test, so_many_failures_in_a_row_eject_and_a_success_between_them_does_not) {
    EXPECT_FALSE(policy_.failed(now_));
    EXPECT_FALSE(policy_.failed(now_));
    policy_.succeeded(now_);
    EXPECT_FALSE(policy_.failed(now_));
    EXPECT_FALSE(policy_.failed(now_));
    EXPECT_FALSE(policy_.ejected(now_));
    EXPECT_TRUE(policy_.failed(now_));
    EXPECT_TRUE(policy_.ejected(now_));
    EXPECT_TRUE(policy_.ejected(now_ + seconds{29}));
    EXPECT_FALSE(policy_.ejected(now_ + seconds{30}));
}

TEST_F(outlier_policy_test, each_ejection_is_longer_than_the_last_up_to_the_cap_and_time_forgives) {
    const auto eject = [this] {
        for (int i = 0; i < 3; ++i) {
            policy_.failed(now_);
        }
        return *policy_.until() - now_;
    };
    EXPECT_EQ(eject(), seconds{30});
    now_ = *policy_.until();
    EXPECT_EQ(eject(), seconds{60});
    now_ = *policy_.until();
    EXPECT_EQ(eject(), seconds{90});
    now_ = *policy_.until();
    EXPECT_EQ(eject(), seconds{100});
    now_ = *policy_.until() + seconds{2 * 30};
    EXPECT_EQ(policy_.ejections(now_), 2U);
    now_ += seconds{300};
    EXPECT_EQ(eject(), seconds{30});
}

TEST_F(outlier_policy_test, half_of_the_requests_of_the_window_eject_too_but_not_of_a_few) {
    for (int i = 0; i < 2; ++i) {
        policy_.failed(now_);
        policy_.succeeded(now_);
    }
    EXPECT_FALSE(policy_.ejected(now_));
    policy_.failed(now_);
    EXPECT_FALSE(policy_.ejected(now_));
    policy_.succeeded(now_);
    EXPECT_TRUE(policy_.failed(now_));
}

TEST_F(outlier_policy_test, the_tries_of_one_request_tell_no_more_than_the_first) {
    for (int tries = 0; tries < 9; ++tries) {
        EXPECT_FALSE(policy_.failed(now_, "bad"));
    }
    EXPECT_FALSE(policy_.failed(now_, "worse"));
    EXPECT_FALSE(policy_.failed(now_, "bad"));
    EXPECT_TRUE(policy_.failed(now_, "worst"));
}

TEST_F(outlier_policy_test, the_only_one_that_can_serve_is_not_ejected) {
    policy_.set_ejects(false);
    for (int i = 0; i < 20; ++i) {
        EXPECT_FALSE(policy_.failed(now_));
    }
    EXPECT_FALSE(policy_.ejected(now_));
}

TEST_F(outlier_policy_test, what_is_older_than_the_window_does_not_count) {
    for (int i = 0; i < 2; ++i) {
        policy_.failed(now_);
        policy_.failed(now_);
        policy_.succeeded(now_);
    }
    now_ += seconds{61};
    EXPECT_FALSE(policy_.failed(now_));
}

TEST_F(outlier_policy_test, failures_of_requests_that_were_under_way_make_an_ejection_no_longer) {
    for (int i = 0; i < 3; ++i) {
        policy_.failed(now_);
    }
    const auto until = policy_.until();
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(policy_.failed(now_ + seconds{1}));
    }
    EXPECT_EQ(policy_.until(), until);
}

class remote_health_test : public testing::Test {
protected:
    remote_health_test() { health_.begin(); }
    availability_state state() const { return health_.now(now_).state; }
    remote_health health_;
    core::steady_time now_{seconds{1000}};
};

TEST_F(remote_health_test, the_first_answer_counts_at_once_either_way) {
    EXPECT_EQ(state(), availability_state::loading);
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::ready);
    remote_health other;
    EXPECT_EQ(other.now(now_).state, availability_state::stopped);
    other.begin();
    other.probed(false, core::reason::unlisted("nobody listens"));
    EXPECT_EQ(other.now(now_).state, availability_state::broken);
    EXPECT_EQ(other.now(now_).reason, "The remote server is not serving: nobody listens.");
}

TEST_F(remote_health_test, it_takes_three_failures_to_be_down_and_two_answers_to_be_up) {
    health_.probed(true, {});
    health_.probed(false, core::reason::unlisted("x"));
    health_.probed(false, core::reason::unlisted("x"));
    health_.probed(true, {});
    health_.probed(false, core::reason::unlisted("x"));
    health_.probed(false, core::reason::unlisted("x"));
    EXPECT_EQ(state(), availability_state::ready);
    health_.probed(false, core::reason::unlisted("x"));
    EXPECT_EQ(state(), availability_state::broken);
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::broken);
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::ready);
}

TEST_F(remote_health_test, failed_requests_eject_one_that_answers_questions_well_and_it_says_why) {
    health_.probed(true, {});
    health_.failed(core::reason::unlisted("its answer was cut"), now_);
    EXPECT_EQ(state(), availability_state::ready);
    health_.failed(core::reason::unlisted("its answer was cut"), now_);
    EXPECT_EQ(state(), availability_state::broken);
    EXPECT_EQ(health_.now(now_).reason,
              "Requests failed at the remote server (its answer was cut), so it gets none for 15 s.");
    EXPECT_EQ(health_.now(now_).next_try, now_ + seconds{15});
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::broken);
    now_ += seconds{15};
    EXPECT_EQ(state(), availability_state::ready);
}

TEST_F(remote_health_test, a_request_that_finds_nobody_there_is_enough_where_others_can_serve) {
    health_.probed(true, {});
    health_.missed(core::reason::unlisted("nobody listens"));
    EXPECT_EQ(state(), availability_state::broken);
    EXPECT_EQ(health_.now(now_).reason, "The remote server is not serving: nobody listens.");
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::broken);
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::ready);
}

TEST_F(remote_health_test, the_only_one_is_asked_as_long_as_it_can_be_and_as_soon_as_it_is_back) {
    health_.set_ejects(false);
    health_.probed(true, {});
    health_.missed(core::reason::unlisted("nobody listens"));
    EXPECT_EQ(state(), availability_state::ready);
    for (int i = 0; i < 3; ++i) {
        health_.probed(false, core::reason::unlisted("nobody listens"));
    }
    EXPECT_EQ(state(), availability_state::broken);
    health_.probed(true, {});
    EXPECT_EQ(state(), availability_state::ready);
}

TEST_F(remote_health_test, one_that_is_not_wanted_is_stopped_and_begins_anew) {
    health_.probed(false, core::reason::unlisted("x"));
    health_.end();
    EXPECT_EQ(state(), availability_state::stopped);
    health_.begin();
    EXPECT_EQ(state(), availability_state::loading);
}

}  // namespace
}  // namespace corral::engine::ollama_remote
