#include "scheduler/time_slice_policy.hpp"

#include <gtest/gtest.h>

namespace corral::scheduler {
namespace {

using core::seconds;

constexpr moment at(std::uint64_t order, long second) {
    return {order, core::steady_time{seconds{second}}};
}

swap_rule rule_of(unsigned overtakes) {
    swap_rule out;
    out.max_overtakes = overtakes;
    return out;
}

TEST(time_slice_policy, patience_is_twice_the_load_within_its_bounds) {
    struct row {
        std::optional<core::nanoseconds> load;
        core::nanoseconds patience;
    };
    const row rows[] = {
        {std::nullopt, seconds{10}}, {seconds{0}, seconds{10}},
        {seconds{5}, seconds{10}},   {seconds{6}, seconds{12}},
        {seconds{59}, seconds{118}}, {seconds{60}, seconds{120}},
        {seconds{90}, seconds{120}}, {core::nanoseconds::max(), seconds{120}},
    };
    for (const row& each : rows) {
        EXPECT_EQ(patience_of(each.load, swap_rule{}), each.patience)
            << (each.load ? each.load->count() : -1);
    }
}

TEST(time_slice_policy, a_turn_is_over_after_so_many_grants_since_the_other_waits) {
    time_slice own;
    own.began(at(1, 100));
    own.granted(at(2, 100));  // before the other came
    const moment waits = at(3, 100);
    const swap_rule rule = rule_of(2);
    EXPECT_EQ(own.grants_left(waits, rule), 2U);
    own.granted(at(4, 100));
    EXPECT_EQ(own.grants_left(waits, rule), 1U);
    EXPECT_FALSE(own.expired(waits, seconds{10}, rule, waits.at));
    own.granted(at(5, 100));
    EXPECT_TRUE(own.expired(waits, seconds{10}, rule, waits.at));
    // For one that came later the same turn has grants left.
    EXPECT_FALSE(own.expired(at(6, 100), seconds{10}, rule, waits.at));
}

TEST(time_slice_policy, the_most_grants_that_may_be_set_are_counted) {
    time_slice own;
    own.began(at(1, 100));
    for (std::uint64_t grant = 0; grant < 1000; ++grant) {
        own.granted(at(3 + grant, 100));
    }
    EXPECT_EQ(own.grants_left(at(2, 100), rule_of(1000)), 0U);
}

TEST(time_slice_policy, a_turn_is_over_when_the_patience_of_the_other_is) {
    time_slice own;
    own.began(at(1, 100));
    const moment waits = at(2, 105);
    EXPECT_EQ(own.expires_at(waits, seconds{10}), core::steady_time{seconds{115}});
    EXPECT_FALSE(own.expired(waits, seconds{10}, rule_of(8), core::steady_time{seconds{114}}));
    EXPECT_TRUE(own.expired(waits, seconds{10}, rule_of(8), core::steady_time{seconds{115}}));
}

TEST(time_slice_policy, who_waited_during_the_load_counts_from_its_end) {
    const moment waits = at(1, 10);
    time_slice own;
    EXPECT_FALSE(own.expired(waits, seconds{10}, rule_of(1), core::steady_time{seconds{1000}}));
    EXPECT_EQ(own.expires_at(waits, seconds{10}), std::nullopt);
    own.began(at(2, 100));
    EXPECT_FALSE(own.expired(waits, seconds{10}, rule_of(1), core::steady_time{seconds{109}}));
    EXPECT_TRUE(own.expired(waits, seconds{10}, rule_of(1), core::steady_time{seconds{110}}));
}

TEST(time_slice_policy, after_its_turn_a_model_waits_from_then_on) {
    time_slice own;
    const moment oldest = at(1, 10);
    EXPECT_EQ(own.waits_since(oldest).order, 1U);
    own.began(at(2, 20));
    own.granted(at(3, 20));
    own.ended(at(4, 30));
    EXPECT_EQ(own.waits_since(oldest).order, 4U);
    EXPECT_EQ(own.waits_since(at(5, 31)).order, 5U);
    // Nothing is left of the turn that is over.
    own.began(at(6, 40));
    EXPECT_EQ(own.grants_left(oldest, rule_of(8)), 8U);
}

}  // namespace
}  // namespace corral::scheduler
