#include "supervisor/machine/restart_policy.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using core::milliseconds;
using core::seconds;

catalog::restart_rule rule() {
    catalog::restart_rule r;
    r.first_backoff = milliseconds{500};
    r.max_backoff = milliseconds{4000};
    r.intensity = 100;
    r.intensity_window = milliseconds{600'000};
    r.healthy_after = milliseconds{60'000};
    return r;
}

const core::steady_time start{seconds{1000}};

TEST(restart_policy, first_at_once_then_doubling_ceilings_up_to_the_longest) {
    restart_policy policy(rule());
    EXPECT_EQ(policy.on_failure(start, {}, 0.999).what, restart_verdict::at_once);
    for (const int ceiling : {500, 1000, 2000, 4000, 4000, 4000}) {
        EXPECT_EQ(policy.ceiling(), milliseconds{ceiling});
        const restart_decision decision = policy.on_failure(start, {}, 0.5);
        EXPECT_EQ(decision.what, restart_verdict::after_delay);
        EXPECT_EQ(decision.delay, milliseconds{ceiling / 2});
    }
}

TEST(restart_policy, jitter_covers_the_whole_range) {
    restart_policy policy(rule());
    (void)policy.on_failure(start, {}, 0.0);
    EXPECT_EQ(policy.on_failure(start, {}, 0.0).what, restart_verdict::at_once);
    EXPECT_EQ(policy.on_failure(start, {}, 0.999).delay, milliseconds{999});
}

TEST(restart_policy, a_healthy_spell_lowers_the_ceiling_and_a_long_one_forgets) {
    restart_policy policy(rule());
    for (int i = 0; i < 4; ++i) {
        (void)policy.on_failure(start, {}, 0.5);
    }
    ASSERT_EQ(policy.ceiling(), milliseconds{4000});
    EXPECT_EQ(policy.on_failure(start, milliseconds{14'999}, 0.5).delay, milliseconds{2000});
    EXPECT_EQ(policy.on_failure(start, milliseconds{30'000}, 0.5).delay, milliseconds{1000});
    EXPECT_EQ(policy.on_failure(start, milliseconds{60'000}, 0.5).what, restart_verdict::at_once);
}

TEST(restart_policy, too_many_restarts_in_the_window_open_the_breaker) {
    catalog::restart_rule r = rule();
    r.intensity = 3;
    r.intensity_window = milliseconds{10'000};
    restart_policy policy(r);
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(policy.on_failure(start + seconds{i}, {}, 0.5).what, restart_verdict::give_up) << i;
    }
    EXPECT_EQ(policy.on_failure(start + seconds{4}, {}, 0.5).what, restart_verdict::give_up);
    EXPECT_NE(policy.on_failure(start + seconds{10}, {}, 0.5).what, restart_verdict::give_up)
        << "the oldest restart has left the window";
}

TEST(restart_policy, an_open_breaker_grants_one_trial) {
    restart_policy policy(rule());
    policy.on_trial();
    EXPECT_EQ(policy.on_failure(start, {}, 0.5).what, restart_verdict::give_up);
    policy.on_trial();
    policy.on_ready();
    EXPECT_EQ(policy.on_failure(start, seconds{1}, 0.5).what, restart_verdict::at_once);
}

TEST(restart_policy, trials_come_ever_more_seldom_until_it_has_served_for_long_enough) {
    catalog::restart_rule r = rule();
    r.intensity = 0;
    r.breaker_retry = milliseconds{8000};
    restart_policy policy(r);
    core::steady_time now = start;
    const auto next = [&](milliseconds served) {
        now += seconds{60} + served;
        const restart_decision decision = policy.on_failure(now, served, 0.5);
        EXPECT_EQ(decision.what, restart_verdict::give_up);
        return decision.delay;
    };
    for (const int pause : {1000, 2000, 4000, 8000, 8000}) {
        EXPECT_EQ(next({}), milliseconds{pause});
        policy.on_trial();
    }
    policy.on_ready();
    EXPECT_EQ(next(r.healthy_after - milliseconds{1}), milliseconds{8000}) << "it only seemed to be well";
    policy.on_trial();
    policy.on_ready();
    EXPECT_EQ(next(r.healthy_after), milliseconds{1000});
    policy.on_trial();
    policy.forget();
    EXPECT_EQ(next({}), milliseconds{1000}) << "a person asked";
}

TEST(restart_policy, quick_starts_are_tried_for_a_minute_and_at_least_every_few_seconds) {
    restart_policy policy{catalog::restart_rule{}};
    core::steady_time now = start;
    restart_decision next = policy.on_failure(now, {}, 0.0, failure_sort::quick_start);
    while (next.what != restart_verdict::give_up) {
        EXPECT_LE(next.delay, milliseconds{7500});
        now += next.delay + milliseconds{10};
        next = policy.on_failure(now, {}, 0.0, failure_sort::quick_start);
    }
    EXPECT_GE(now - start, seconds{60});
    EXPECT_LE(now - start, seconds{70});
}

TEST(restart_policy, quick_starts_wait_for_at_least_half_of_a_bounded_pause) {
    catalog::restart_rule r = rule();
    for (const auto& [first, longest] : {std::pair{100, 500}, std::pair{2000, 2000}}) {
        r.first_backoff = milliseconds{first};
        restart_policy policy(r);
        for (int i = 0; i < 10; ++i) {
            (void)policy.on_failure(start, {}, 0.5, failure_sort::quick_start);
        }
        EXPECT_EQ(policy.on_failure(start, {}, 0.0, failure_sort::quick_start).delay,
                  milliseconds{longest / 2});
        EXPECT_EQ(policy.on_failure(start, {}, 0.5, failure_sort::quick_start).delay,
                  milliseconds{longest * 3 / 4});
    }
}

TEST(restart_policy, a_slow_start_among_them_counts_as_before) {
    restart_policy policy{catalog::restart_rule{}};
    for (int i = 0; i < 5; ++i) {
        (void)policy.on_failure(start, {}, 0.5, failure_sort::quick_start);
    }
    EXPECT_EQ(policy.on_failure(start, {}, 0.5).what, restart_verdict::give_up);
}

TEST(restart_policy, failures_at_work_open_no_breaker_and_fill_no_window) {
    restart_policy policy{catalog::restart_rule{}};
    for (int i = 0; i < 50; ++i) {
        const restart_decision next = policy.on_failure(start, seconds{1}, 0.999, failure_sort::at_work);
        EXPECT_NE(next.what, restart_verdict::give_up);
        EXPECT_LE(next.delay, milliseconds{7500});
        policy.on_ready();
    }
    EXPECT_NE(policy.on_failure(start, {}, 0.5).what, restart_verdict::give_up);
}

TEST(restart_policy, no_restarts_allowed_means_none) {
    catalog::restart_rule r = rule();
    r.intensity = 0;
    restart_policy policy(r);
    EXPECT_EQ(policy.on_failure(start, {}, 0.5).what, restart_verdict::give_up);
    EXPECT_EQ(policy.on_failure(start, {}, 0.5, failure_sort::quick_start).what, restart_verdict::give_up);
}

TEST(restart_policy, a_person_makes_it_forget) {
    catalog::restart_rule r = rule();
    r.intensity = 1;
    restart_policy policy(r);
    (void)policy.on_failure(start, {}, 0.5);
    ASSERT_EQ(policy.on_failure(start, {}, 0.5).what, restart_verdict::give_up);
    policy.forget();
    EXPECT_EQ(policy.on_failure(start, {}, 0.5).what, restart_verdict::at_once);
}

}  // namespace
}  // namespace corral::supervisor
