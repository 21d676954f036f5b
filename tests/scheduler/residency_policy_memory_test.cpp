// Instances that are loaded only where there is room, that make room, and that are pinned.

#include <gtest/gtest.h>

#include "scheduler/residency_policy.hpp"

namespace corral::scheduler {
namespace {

using core::nanoseconds;
using core::seconds;
using engine::availability_state;

class residency_policy_memory : public testing::Test {
protected:
    static residency_policy made(bool pinned) {
        return residency_policy(residency_rule{seconds{30}, pinned, true});
    }
    void load() {
        EXPECT_EQ(policy_.load_now(std::nullopt), residence_order::start);
        EXPECT_EQ(policy_.observed(availability_state::ready, now_), residence_order::none);
    }

    residency_policy policy_ = made(false);
    core::steady_time now_{seconds{100}};
};

TEST_F(residency_policy_memory, to_be_needed_is_not_enough) {
    EXPECT_EQ(policy_.needed_by(1, now_), residence_order::none);
    EXPECT_EQ(policy_.load({}, now_), residence_order::none);
    EXPECT_EQ(policy_.stage(), residence_stage::unloaded);
    load();
    EXPECT_EQ(policy_.stage(), residence_stage::loaded);
    EXPECT_EQ(policy_.load_now(std::nullopt), residence_order::none);
}

TEST_F(residency_policy_memory, it_stays_for_what_the_others_of_its_model_stay) {
    EXPECT_EQ(policy_.load_now(seconds{7}), residence_order::start);
    EXPECT_EQ(policy_.observed(availability_state::ready, now_), residence_order::none);
    EXPECT_EQ(policy_.expires(), now_ + seconds{7});
}

TEST_F(residency_policy_memory,
       it_makes_room_though_others_wait_and_is_loaded_for_them_when_there_is_room_again) {
    EXPECT_EQ(policy_.needed_by(1, now_), residence_order::none);
    load();
    policy_.granted(seconds{5});
    EXPECT_EQ(policy_.unload(now_), residence_order::none);
    EXPECT_EQ(policy_.evict(now_), residence_order::stop);
    EXPECT_EQ(policy_.evict(now_), residence_order::none);
    EXPECT_EQ(policy_.load_now(std::nullopt), residence_order::none);
    EXPECT_EQ(policy_.stopped(true, now_), residence_order::none);
    load();
    // Somebody asked that it goes after them, before it had to make room.
    EXPECT_EQ(policy_.needed_by(0, now_), residence_order::stop);
}

TEST_F(residency_policy_memory, what_was_asked_for_a_model_that_nobody_needs_is_forgotten_with_it) {
    EXPECT_EQ(policy_.needed_by(1, now_), residence_order::none);
    EXPECT_EQ(policy_.unload(now_), residence_order::none);
    EXPECT_EQ(policy_.needed_by(0, now_), residence_order::none);
    load();
    EXPECT_EQ(policy_.expires(), now_ + seconds{30});
}

TEST_F(residency_policy_memory, one_held_back_or_suspended_is_not_loaded) {
    policy_.hold_back();
    EXPECT_EQ(policy_.load_now(std::nullopt), residence_order::none);
    EXPECT_EQ(policy_.admit(now_), residence_order::none);
    load();
    EXPECT_EQ(policy_.suspend(false, now_), residence_order::stop);
    EXPECT_EQ(policy_.stopped(true, now_), residence_order::none);
    EXPECT_EQ(policy_.load_now(std::nullopt), residence_order::none);
    EXPECT_EQ(policy_.resume(now_), residence_order::none);
    load();
}

TEST_F(residency_policy_memory, a_pinned_one_stays_whatever_requests_say) {
    policy_ = made(true);
    load();
    EXPECT_EQ(policy_.expires(), std::nullopt);
    EXPECT_EQ(policy_.needed_by(1, now_), residence_order::none);
    policy_.granted(nanoseconds{0});
    EXPECT_EQ(policy_.needed_by(0, now_), residence_order::none);
    EXPECT_EQ(policy_.unload(now_), residence_order::none);
    EXPECT_EQ(policy_.load(seconds{1}, now_), residence_order::none);
    EXPECT_EQ(policy_.set_rule(seconds{1}, true, now_), residence_order::none);
    EXPECT_EQ(policy_.needed_by(0, now_ + seconds{100'000}), residence_order::none);
    EXPECT_EQ(policy_.stay(), nanoseconds::max());
    EXPECT_EQ(policy_.suspend(false, now_), residence_order::stop);
}

TEST_F(residency_policy_memory, a_pin_holds_what_was_to_go_and_its_end_brings_the_usual_stay_back) {
    load();
    EXPECT_EQ(policy_.needed_by(1, now_), residence_order::none);
    policy_.granted(nanoseconds{0});  // to go after the answer
    EXPECT_EQ(policy_.set_rule(seconds{30}, true, now_), residence_order::none);
    EXPECT_EQ(policy_.needed_by(0, now_), residence_order::none);
    EXPECT_EQ(policy_.needed_by(0, now_ + seconds{100'000}), residence_order::none);
    EXPECT_EQ(policy_.stay(), nanoseconds::max());
    EXPECT_EQ(policy_.set_rule(seconds{30}, false, now_), residence_order::none);
    EXPECT_EQ(policy_.expires(), now_ + seconds{30});
    EXPECT_EQ(policy_.needed_by(0, now_ + seconds{30}), residence_order::stop);
}

TEST_F(residency_policy_memory, a_rule_said_again_leaves_what_a_request_said) {
    load();
    EXPECT_EQ(policy_.needed_by(1, now_), residence_order::none);
    policy_.granted(seconds{5});
    EXPECT_EQ(policy_.needed_by(0, now_), residence_order::none);
    EXPECT_EQ(policy_.set_rule(seconds{30}, false, now_), residence_order::none);
    EXPECT_EQ(policy_.expires(), now_ + seconds{5});
}

}  // namespace
}  // namespace corral::scheduler
