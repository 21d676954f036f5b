#include "engine/decay_policy.hpp"

#include <cmath>
#include <functional>
#include <numbers>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "rounds.hpp"

namespace corral::engine {
namespace {

using core::seconds;
using std::chrono::hours;
using std::chrono::minutes;

// A box that is asked now and then, on a clock of its own; renewed as decay_watch does it.
class box {
public:
    // Seconds a token, by the time since the process began and the time of the day.
    using speed = std::function<double(core::nanoseconds age, core::steady_time now)>;
    box(std::uint64_t seed, speed of) : random_(seed), of_(std::move(of)) { policy_.began(); }

    // Requests of 200 tokens, of all lengths, about each `pause`.
    void use(core::nanoseconds span, core::nanoseconds pause) {
        const core::steady_time end = now_ + span;
        while (now_ < end) {
            now_ += core::nanoseconds(static_cast<core::nanoseconds::rep>(static_cast<double>(pause.count()) *
                                                                          -std::log(1 - share())));
            const auto context = static_cast<std::uint32_t>(64 + share() * share() * 8000);
            const double longer =
                1.0 + context / 16000.0;  // a token behind 8,000 others takes half as long again
            const double noise = std::exp(0.12 * (share() + share() + share() - 1.5) * 2);
            const double token = of_(now_ - began_, now_) * longer * noise;
            policy_.ran(
                {200, context, core::nanoseconds(static_cast<core::nanoseconds::rep>(token * 200 * 1e9))},
                now_);
            if (policy_.wants_renewal(now_)) {
                policy_.renews(now_);
                now_ += seconds{20};
                began_ = now_;
                policy_.began();
            }
        }
    }
    [[nodiscard]] speed_report report() const { return policy_.report(); }
    [[nodiscard]] double share() { return static_cast<double>(random_.next() >> 11) * 0x1.0p-53; }

private:
    core::seeded_random random_;
    speed of_;
    decay_policy policy_{minutes{30}};
    core::steady_time now_{hours{1}};
    core::steady_time began_ = now_;
};

double heat_of_the_day(core::steady_time now) {
    const double day = std::chrono::duration<double, std::ratio<86400>>(now.time_since_epoch()).count();
    return 1.0 + 0.12 * std::sin(2 * std::numbers::pi * day);
}

TEST(decay_policy, a_thousand_healthy_weeks_renew_nothing) {
    for (std::uint64_t week = 1; week <= test_rounds(std::uint64_t{1000}); ++week) {
        box each(week, [week](core::nanoseconds, core::steady_time now) {
            // For 20 minutes of some hours another program takes a third of the memory's bandwidth.
            const auto slot = static_cast<std::uint64_t>(now.time_since_epoch() / minutes{20});
            const bool beside = (slot * 2654435761U + week) % 53 == 0;
            return 0.06 * heat_of_the_day(now) * (beside ? 1.5 : 1.0);
        });
        each.use(hours{24 * 7}, minutes{5});
        ASSERT_EQ(each.report().renewals, 0U) << "week " << week;
    }
}

// 15 tokens a second after the start, 1 two hours later.
TEST(decay_policy, what_decays_is_renewed_and_gains) {
    box each(1, [](core::nanoseconds age, core::steady_time) {
        return 0.066 * std::exp(core::as_seconds(age) / 7200 * std::log(15.0));
    });
    each.use(hours{3}, minutes{1});
    EXPECT_EQ(each.report().renewals, 1U);
    EXPECT_GT(each.report().gained, 2.0);
    EXPECT_TRUE(each.report().renewal_helps);
    each.use(hours{21}, minutes{1});
    EXPECT_GE(each.report().renewals, 7U);
    EXPECT_LE(each.report().renewals, 12U) << "at most one in two hours";
}

// Runs of one length, a minute apart.
core::steady_time run(decay_policy& policy, int runs, core::milliseconds token, core::steady_time now) {
    for (int each = 0; each < runs; ++each) {
        now += minutes{1};
        policy.ran({100, 100, 100 * token}, now);
    }
    return now;
}

TEST(decay_policy, one_that_helped_may_be_repeated_sooner_and_one_that_did_not_later) {
    const core::milliseconds young{60};
    const core::milliseconds old{120};
    decay_policy policy{minutes{30}};
    const auto renew = [&](core::steady_time now, core::milliseconds next) {
        policy.renews(now);
        policy.began();
        return run(policy, 12, next, now);
    };
    policy.began();
    core::steady_time now = run(policy, 12 + 24 + 31, young, core::steady_time{hours{1}});
    EXPECT_FALSE(policy.wants_renewal(now));
    now = run(policy, 24 + 31, old, now);
    ASSERT_TRUE(policy.wants_renewal(now));
    core::steady_time renewed = now;
    now = run(policy, 24 + 40, old, renew(now, young));
    EXPECT_GT(policy.report().gained, 1.9);
    EXPECT_FALSE(policy.wants_renewal(renewed + minutes{119}));
    EXPECT_TRUE(policy.wants_renewal(renewed + minutes{120}));

    now = renewed = renewed + minutes{120};
    now = run(policy, 24 + 40, 2 * old, renew(now, old));  // it begins as slow as the one before was
    EXPECT_LT(policy.report().gained, 1.1);
    EXPECT_FALSE(policy.wants_renewal(renewed + hours{12} - minutes{1}));
    EXPECT_TRUE(policy.wants_renewal(renewed + hours{12}));
}

TEST(decay_policy, what_has_an_excuse_must_be_slow_for_as_long_again) {
    decay_policy policy{minutes{30}};
    policy.began();
    core::steady_time now = run(policy, 12, core::milliseconds{60}, core::steady_time{hours{1}});
    now = run(policy, 24 + 31, core::milliseconds{120}, now);
    ASSERT_TRUE(policy.wants_renewal(now));
    policy.excuse(now);
    EXPECT_FALSE(policy.wants_renewal(now + minutes{29}));
    EXPECT_GT(policy.report().slower, 1.9) << "it is slow all the same";
    EXPECT_TRUE(policy.wants_renewal(now + minutes{30}));
}

TEST(decay_policy, what_is_not_slow_needs_no_excuse) {
    decay_policy policy{minutes{30}};
    policy.began();
    const core::steady_time now{hours{1}};
    policy.excuse(now);
    EXPECT_EQ(policy.report().slower, 0.0);
    EXPECT_FALSE(policy.wants_renewal(now + hours{1}));
}

TEST(decay_policy, the_next_image_knows_how_fast_the_process_was) {
    decay_policy before{minutes{30}};
    before.began();
    run(before, 11, core::milliseconds{60}, core::steady_time{hours{1}});
    EXPECT_EQ(before.usual(), "") << "too few";
    run(before, 1, core::milliseconds{60}, core::steady_time{hours{2}});
    EXPECT_EQ(before.usual(), "7=60000000");
    decay_policy after{minutes{30}};
    after.began();
    after.resume(before.usual());
    EXPECT_EQ(after.usual(), before.usual());
    const core::steady_time now = run(after, 24 + 31, core::milliseconds{120}, core::steady_time{hours{2}});
    EXPECT_TRUE(after.wants_renewal(now));
}

TEST(decay_policy, words_of_another_image_that_make_no_sense_teach_nothing) {
    decay_policy policy{minutes{30}};
    policy.began();
    policy.resume("24=60000000 7=0 =5 7= 7 x=1 99999999999999999999=1 -1=4 7=-3 8=60000000 ");
    EXPECT_EQ(policy.usual(), "8=60000000");
}

TEST(decay_policy, one_that_is_never_idle_becomes_overdue) {
    decay_policy policy{minutes{30}};
    policy.began();
    core::steady_time now = run(policy, 12, core::milliseconds{60}, core::steady_time{hours{1}});
    now = run(policy, 18, core::milliseconds{120}, now);
    now = run(policy, 6, core::milliseconds{120}, now);  // slow from here on
    EXPECT_FALSE(policy.wants_renewal(now + minutes{29}));
    EXPECT_TRUE(policy.wants_renewal(now + minutes{30}));
    EXPECT_FALSE(policy.is_overdue(now + minutes{59}));
    EXPECT_TRUE(policy.is_overdue(now + minutes{60}));
    policy.renews(now + minutes{60});
    EXPECT_FALSE(policy.is_overdue(now + hours{6}));
}

TEST(decay_policy, one_run_in_four_as_fast_as_before_is_no_decay) {
    decay_policy policy{minutes{30}};
    policy.began();
    core::steady_time now = run(policy, 12, core::milliseconds{60}, core::steady_time{hours{1}});
    for (int each = 0; each < 25; ++each) {
        now = run(policy, 3, core::milliseconds{120}, now);
        now = run(policy, 1, core::milliseconds{60}, now);
    }
    EXPECT_FALSE(policy.wants_renewal(now));
    EXPECT_EQ(policy.report().slower, 0.0);
    now = run(policy, 4 + 30, core::milliseconds{120}, now);  // the fourth puts a fast one out
    EXPECT_TRUE(policy.wants_renewal(now));
    EXPECT_TRUE(policy.report().renewal_helps) << "nothing else is known";
}

TEST(decay_policy, what_a_new_process_does_not_help_is_left_alone_for_longer_and_longer) {
    box each(1, [](core::nanoseconds, core::steady_time now) {
        return now < core::steady_time{hours{3}} ? 0.06 : 0.15;  // a fan has died
    });
    each.use(hours{8}, minutes{1});
    EXPECT_EQ(each.report().renewals, 1U);
    EXPECT_LT(each.report().gained, 1.2);
    EXPECT_GT(each.report().gained, 0.8);
    EXPECT_EQ(each.report().slower, 0.0) << "the process of now is as it began";
}

TEST(decay_policy, short_answers_and_few_runs_tell_nothing) {
    decay_policy policy{minutes{30}};
    core::steady_time now{hours{1}};
    policy.began();
    for (int run = 0; run < 200; ++run) {
        now += minutes{5};
        policy.ran({8, 100, seconds{run}}, now);
        policy.ran({100, 100, seconds{0}}, now);
    }
    EXPECT_EQ(policy.report().slower, 0.0);
    for (int run = 0; run < 30; ++run) {
        now += minutes{5};
        policy.ran({100, 100, seconds{run < 12 ? 1 : 100}}, now);
    }
    EXPECT_EQ(policy.report().slower, 0.0) << "18 are too few";
    EXPECT_FALSE(policy.wants_renewal(now));
}

// A conversation that grows is no decay.
TEST(decay_policy, longer_contexts_are_compared_with_their_like) {
    decay_policy policy{minutes{30}};
    core::steady_time now{hours{1}};
    policy.began();
    for (std::uint32_t turn = 0; turn < 500; ++turn) {
        now += minutes{1};
        const std::uint32_t context = 64U
                                      << (turn / 80);  // each length is ten times as slow as the one before
        policy.ran({100, context, core::milliseconds{100 * static_cast<int>(std::pow(10, turn / 80))}}, now);
    }
    EXPECT_EQ(policy.report().slower, 0.0);
    EXPECT_EQ(policy.report().renewals, 0U);
}

}  // namespace
}  // namespace corral::engine
