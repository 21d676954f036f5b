// Which tier serves: tables of what happens, and seeded walks.

#include "scheduler/tier_policy.hpp"

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

namespace corral::scheduler {
namespace {

using core::seconds;

// One letter a tier: r(eady) l(oading) b(roken) a(bsent) (re)n(ewing).
std::vector<presence> states_of(const std::string& letters) {
    std::vector<presence> out;
    for (const char letter : letters) {
        out.push_back(letter == 'r'   ? presence::ready
                      : letter == 'l' ? presence::loading
                      : letter == 'b' ? presence::broken
                      : letter == 'n' ? presence::renewing
                                      : presence::absent);
    }
    return out;
}

class tier_policy_test : public testing::Test {
protected:
    // After `later` seconds the tiers are so; the tier that serves then.
    unsigned after(int later, const std::string& letters) {
        now_ += seconds{later};
        last_ = policy_.observe(last_.serving, states_of(letters), now_);
        changes_ += last_.why == tier_reason::none ? 0 : 1;
        return last_.serving;
    }
    tier_policy policy_{seconds{30}};
    core::steady_time now_{seconds{1000}};
    tier_verdict last_;
    int changes_ = 0;
};

TEST_F(tier_policy_test, the_first_tier_serves_as_long_as_it_is_ready) {
    EXPECT_EQ(after(0, "rr"), 0U);
    EXPECT_EQ(after(100, "rr"), 0U);
    EXPECT_EQ(changes_, 0);
}

TEST_F(tier_policy_test, a_restart_by_choice_is_no_outage) {
    after(0, "rr");
    EXPECT_EQ(after(5, "nr"), 1U);
    EXPECT_EQ(last_.why, tier_reason::loads);
    EXPECT_FALSE(last_.outage);
    EXPECT_EQ(after(1, "rr"), 0U) << "at once, and not after 30 s";
    EXPECT_FALSE(last_.outage);
    EXPECT_EQ(after(1, "na"), 0U);
}

TEST_F(tier_policy_test,
       when_the_first_breaks_the_next_serves_until_the_first_was_ready_for_the_stable_while) {
    after(0, "rr");
    EXPECT_EQ(after(5, "br"), 1U);
    EXPECT_EQ(last_.why, tier_reason::broke);
    EXPECT_TRUE(last_.outage);
    EXPECT_EQ(after(5, "lr"), 1U);
    EXPECT_EQ(after(5, "rr"), 1U);
    EXPECT_EQ(policy_.look_again(), now_ + seconds{30});
    EXPECT_EQ(after(29, "rr"), 1U);
    EXPECT_EQ(after(1, "rr"), 0U);
    EXPECT_EQ(last_.why, tier_reason::in_order);
    EXPECT_TRUE(last_.outage);
    EXPECT_EQ(policy_.look_again(), std::nullopt);
    EXPECT_EQ(changes_, 2);
}

TEST_F(tier_policy_test, a_restart_is_an_outage_too) {
    after(0, "rr");
    EXPECT_EQ(after(5, "lr"), 1U);
    EXPECT_EQ(last_.why, tier_reason::restarts);
    EXPECT_EQ(after(2, "rr"), 1U);
    EXPECT_EQ(after(30, "rr"), 0U);
}

TEST_F(tier_policy_test, a_first_tier_that_flaps_makes_one_change_there_and_one_back) {
    after(0, "rr");
    for (int flap = 0; flap < 20; ++flap) {
        EXPECT_EQ(after(1, "lr"), 1U);
        EXPECT_EQ(after(29, "rr"), 1U);
        EXPECT_EQ(after(29, flap % 2 == 0 ? "br" : "lr"), 1U);
    }
    after(1, "rr");
    EXPECT_EQ(after(30, "rr"), 0U);
    EXPECT_EQ(changes_, 2);
}

TEST_F(tier_policy_test, at_the_start_the_one_that_is_ready_sooner_serves_and_the_first_takes_over_at_once) {
    EXPECT_EQ(after(0, "aa"), 0U);
    EXPECT_EQ(after(0, "ll"), 0U);
    EXPECT_EQ(after(3, "lr"), 1U);
    EXPECT_EQ(last_.why, tier_reason::loads);
    EXPECT_FALSE(last_.outage);
    EXPECT_EQ(after(60, "rr"), 0U);
    EXPECT_FALSE(last_.outage);
}

TEST_F(tier_policy_test, a_first_tier_that_was_unloaded_is_no_outage_and_is_loaded_for_those_who_come) {
    after(0, "rr");
    EXPECT_EQ(after(300, "ar"), 0U);
    EXPECT_EQ(policy_.to_load(), 0U);
    EXPECT_EQ(after(1, "lr"), 1U);
    EXPECT_FALSE(last_.outage);
    EXPECT_EQ(policy_.to_load(), std::nullopt);
    EXPECT_EQ(after(20, "rr"), 0U);
}

TEST_F(tier_policy_test, one_that_broke_and_was_unloaded_is_trusted_as_soon_as_it_is_loaded) {
    after(0, "rr");
    EXPECT_EQ(after(1, "br"), 1U);
    after(1, "ar");
    after(1, "lr");
    EXPECT_EQ(after(1, "rr"), 0U) << "at once, and not after 30 s";
}

TEST_F(tier_policy_test, nobody_leaves_a_failed_tier_for_one_that_is_not_ready) {
    after(0, "ra");
    EXPECT_EQ(policy_.to_load(), std::nullopt);
    EXPECT_EQ(after(5, "la"), 0U);
    EXPECT_EQ(policy_.to_load(), 1U);  // a cold one is needed now
    EXPECT_EQ(after(1, "ll"), 0U);
    EXPECT_EQ(policy_.to_load(), std::nullopt);
    EXPECT_EQ(after(1, "rl"), 0U);  // it came back before the other was there: no change at all
    EXPECT_EQ(after(1, "rr"), 1U);  // but it is not trusted yet, and the other is
    EXPECT_EQ(after(29, "rr"), 0U);
    EXPECT_EQ(changes_, 2);
}

TEST_F(tier_policy_test, a_cold_tier_is_not_loaded_while_the_first_one_loads_for_the_first_time) {
    after(0, "la");
    EXPECT_EQ(policy_.to_load(), std::nullopt);
    after(1, "ba");
    EXPECT_EQ(policy_.to_load(), 1U);
}

TEST_F(tier_policy_test, the_third_serves_when_the_first_two_are_down_and_the_second_comes_back_first) {
    after(0, "rrr");
    EXPECT_EQ(after(1, "brr"), 1U);
    EXPECT_EQ(after(1, "blr"), 2U);
    EXPECT_EQ(after(1, "brr"), 2U);
    EXPECT_EQ(after(30, "brr"), 1U);
    EXPECT_EQ(after(1, "rrr"), 1U);
    EXPECT_EQ(after(30, "rrr"), 0U);
}

TEST_F(tier_policy_test, a_tier_that_is_not_trusted_yet_serves_when_nothing_else_can) {
    after(0, "rr");
    after(1, "br");
    after(1, "rr");
    EXPECT_EQ(after(1, "rb"), 0U);
    EXPECT_EQ(last_.why, tier_reason::broke);
    EXPECT_EQ(after(60, "rr"), 0U);
}

TEST_F(tier_policy_test, where_all_are_broken_nothing_changes_and_the_first_that_is_ready_serves) {
    after(0, "rr");
    after(1, "br");
    EXPECT_EQ(after(1, "bb"), 1U);
    EXPECT_EQ(after(1, "rb"), 0U);
}

TEST_F(tier_policy_test, a_fallback_that_is_taken_away_while_it_serves_gives_way_to_what_is_left) {
    after(0, "rr");
    after(1, "br");
    EXPECT_EQ(after(1, "l"), 0U);
    EXPECT_EQ(after(1, "r"), 0U);
}

// Whatever happens: it is left only for one that is ready, an outage of the first tier makes at most one
// change each way as long as the second stays ready, and a ready tier serves if there is one.
TEST(tier_policy_walk, holds_its_promises) {
    const std::string letters = "rlb";
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        core::seeded_random random(seed);
        tier_policy policy{seconds{10}};
        core::steady_time now{seconds{1}};
        std::string history;
        int down = 0;
        int up = 0;
        core::steady_time stable_since = now;
        unsigned serving = policy.observe(0, states_of("rr"), now).serving;
        char before = 'r';
        for (int step = 0; step < 200; ++step) {
            now += seconds{1 + random.next() % 6};
            const char first = letters[random.next() % letters.size()];
            history += first;
            stable_since = first == 'r' && before != 'r' ? now : stable_since;
            before = first;
            const unsigned was = serving;
            const tier_verdict told = policy.observe(was, states_of(std::string{first} + 'r'), now);
            serving = told.serving;
            ASSERT_EQ(told.why != tier_reason::none, told.serving != was) << seed << ' ' << history;
            if (told.serving == 1 && was == 0) {
                ++down;
                ASSERT_NE(first, 'r') << seed << ' ' << history;
            } else if (told.serving == 0 && was == 1) {
                ++up;
                ASSERT_TRUE(first == 'r' && now - stable_since >= seconds{10}) << seed << ' ' << history;
            }
            ASSERT_TRUE(told.serving == 1 || first == 'r') << seed << ' ' << history;
            ASSERT_LE(up, down);
            ASSERT_LE(down, up + 1);
        }
    }
}

}  // namespace
}  // namespace corral::scheduler
