#include "engine/growth_policy.hpp"

#include <cmath>
#include <functional>
#include <numbers>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "rounds.hpp"

namespace corral::engine {
namespace {

using process::resource;
using std::chrono::hours;
using std::chrono::minutes;

constexpr double mega = 1e6;
constexpr double most_descriptors = 1000;  // descriptors that a process may have open

double hours_in(core::nanoseconds span) {
    return core::as_seconds(span) / 3600;
}

struct held {
    double memory = 2000 * mega;
    double descriptors = 40;
    double threads = 20;
};

// A box that is looked at each five minutes, and rests for some minutes after each; renewed as decay_watch does it.
class box {
public:
    // What is held so long after the process began, behind so many runs of it.
    using life = std::function<held(core::nanoseconds age, int runs, core::steady_time now)>;
    box(std::uint64_t seed, life of) : random_(seed), of_(std::move(of)) { policy_.began(now_); }

    // False: it met a limit.
    bool use(core::nanoseconds span, double runs_an_hour = 12, bool rests = true) {
        const core::steady_time end = now_ + span;
        while (now_ < end) {
            now_ += policy_.interval();
            for (due_ += runs_an_hour / 12; due_ >= 1; due_ -= 1) {
                ++runs_;
                policy_.ran();
            }
            const held all = of_(now_ - began_, runs_, now_);
            const double others = others_ * random_.unit();
            if (all.memory + others >= memory_ || all.descriptors >= most_descriptors || all.threads >= 512) {
                return false;
            }
            policy_.saw({{of(all.memory, memory_ - others), of(all.descriptors, most_descriptors),
                          of(all.threads, 512)}},
                        now_);
            if (rests ? policy_.wants_renewal(now_) : policy_.is_overdue(now_)) {
                policy_.renews(now_);
                began_ = now_ += core::seconds{20};
                runs_ = 0;
                policy_.began(now_);
            }
        }
        return true;
    }
    void give(double memory, double to_others) {
        memory_ = memory;
        others_ = to_others;
    }
    [[nodiscard]] growth_report report() const { return policy_.report(); }
    [[nodiscard]] const growth_report::resource& of(resource which) {
        last_ = policy_.report();
        return last_.resources.at(static_cast<std::size_t>(which));
    }

private:
    static std::optional<process::resource_use> of(double value, double limit) {
        return process::resource_use{static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(limit)};
    }
    core::seeded_random random_;
    life of_;
    growth_policy policy_{hours{1}};
    growth_report last_;
    core::steady_time now_{hours{1}};
    core::steady_time began_ = now_;
    int runs_ = 0;
    double due_ = 0;
    double memory_ = 8000 * mega;
    double others_ = 0;
};

double hash(std::uint64_t of) {
    return core::seeded_random(of).unit();
}

// What a healthy runtime does, all at once: buffers that come with the first runs, a big model that is loaded once, a heap
// that is swept now and then, work in hand, connections that are kept, a pool of threads that grows to its size.
TEST(growth_policy, healthy_weeks_renew_nothing) {
    for (std::uint64_t week = 1; week <= test_rounds(std::uint64_t{200}); ++week) {
        core::seeded_random random(week);
        const double period = 0.5 + 40 * hash(8 * week + 1);  // hours between two sweeps
        const double loads = 24 * 7 * hash(8 * week + 2);     // when the big one comes
        const double pool = 8 + std::floor(40 * hash(8 * week + 3));
        box each(week, [&](core::nanoseconds age, int runs, core::steady_time) {
            const double noise = random.unit();
            const double old = hours_in(age);
            const double day = std::max(0.0, std::sin(2 * std::numbers::pi * old / 24));
            held out;
            out.memory += 500 * mega * (1 - std::exp(-runs / 4.0));      // warms up
            out.memory += old > loads ? 800 * mega : 0;                  // and one more
            out.memory += 250 * mega * std::fmod(old, period) / period;  // swept
            out.memory += (100 + 300 * day) * mega * noise;              // in hand
            out.descriptors += 30 * day + 40 * noise;
            out.threads += std::min(pool, runs / 40.0) + (noise > 0.7 ? 4 : 0);
            return out;
        });
        each.give(5000 * mega, 400 * mega);
        ASSERT_TRUE(each.use(hours{24 * 7}, 0.3 + 20 * hash(8 * week + 4))) << "week " << week;
        ASSERT_EQ(each.report().renewals, 0U) << "week " << week << period << " " << loads;
    }
}

struct leak {
    resource what;
    double an_hour;
};

// From what fills the box in four hours to what takes three weeks.
TEST(growth_policy, a_leak_is_renewed_before_its_limit_and_gives_it_back) {
    for (const leak& one : {leak{resource::memory, 1200 * mega}, leak{resource::memory, 200 * mega},
                            leak{resource::memory, 12 * mega}, leak{resource::descriptors, 200},
                            leak{resource::descriptors, 30}, leak{resource::descriptors, 2},
                            leak{resource::threads, 100}, leak{resource::threads, 1}}) {
        for (const bool rests : {true, false}) {
            core::seeded_random random(7);
            box each(1, [&](core::nanoseconds age, int, core::steady_time) {
                const double noise = random.unit();
                const double more = one.an_hour * hours_in(age);
                held out;
                out.memory += 60 * mega * noise + (one.what == resource::memory ? more : 0);
                out.descriptors += std::floor(5 * noise) + (one.what == resource::descriptors ? more : 0);
                out.threads += one.what == resource::threads ? more : 0;
                return out;
            });
            const double room = one.what == resource::memory        ? 6000 * mega
                                : one.what == resource::descriptors ? 960
                                                                    : 492;
            const double full = room / one.an_hour;  // hours
            const auto span = minutes{static_cast<int>(60 * full * 4.5)};
            ASSERT_TRUE(each.use(span, 12, rests)) << process::to_string(one.what) << ' ' << one.an_hour;
            EXPECT_GE(each.report().renewals, 4U) << one.an_hour;
            EXPECT_LE(each.report().renewals, full < 48 ? 9U : 5U)
                << one.an_hour << ": not more often than it must be";
            EXPECT_TRUE(each.report().renewal_helps);
            EXPECT_GT(each.of(one.what).given_back.value_or(0), room / 3) << one.an_hour;
        }
    }
}

TEST(growth_policy, a_box_that_is_used_two_hours_a_day_leaks_as_well) {
    for (const double each_run : {20 * mega, 100 * mega}) {
        box each(1, [&](core::nanoseconds, int runs, core::steady_time) {
            held out;
            out.memory += runs * each_run;
            return out;
        });
        for (int day = 0; day < 40; ++day) {
            ASSERT_TRUE(each.use(hours{2}) && each.use(hours{22}, 0)) << "day " << day << ' ' << each_run;
        }
        const double fills = 6000 * mega / (24 * each_run);  // days
        EXPECT_GE(each.report().renewals, 40 / fills - 1);
        EXPECT_LE(each.report().renewals, 2.5 * 40 / fills);
    }
}

TEST(growth_policy, the_report_says_how_much_an_hour_and_for_how_long) {
    box each(1, [](core::nanoseconds age, int, core::steady_time) {
        held out;
        out.descriptors += 10 * hours_in(age);
        return out;
    });
    ASSERT_TRUE(each.use(hours{30}));
    EXPECT_NEAR(each.of(resource::descriptors).per_hour, 10, 0.5);
    EXPECT_NEAR(each.of(resource::descriptors).held, 340, 5);
    EXPECT_FALSE(each.of(resource::descriptors).left) << "it has not been seen for so long";
    ASSERT_TRUE(each.use(hours{35}));
    ASSERT_TRUE(each.of(resource::descriptors).left);
    EXPECT_NEAR(hours_in(*each.of(resource::descriptors).left), 31, 2);
    EXPECT_EQ(each.of(resource::memory).per_hour, 0);
    EXPECT_FALSE(each.of(resource::memory).left);
    EXPECT_EQ(each.report().renewals, 0U) << "a day before is soon enough";
    ASSERT_TRUE(each.use(hours{12}));
    EXPECT_EQ(each.report().renewals, 1U);
}

// A box that is asked once an hour: its first runs come over half a day.
TEST(growth_policy, what_comes_with_the_first_runs_is_no_growth) {
    box each(1, [](core::nanoseconds, int runs, core::steady_time) {
        held out;
        out.memory += std::min(runs, 10) * 500 * mega;
        return out;
    });
    ASSERT_TRUE(each.use(hours{24 * 7}, 1));
    EXPECT_EQ(each.report().renewals, 0U);
}

TEST(growth_policy, growth_that_has_stopped_and_steps_are_none) {
    box each(1, [](core::nanoseconds age, int, core::steady_time) {
        held out;
        out.memory += std::min(hours_in(age), 20.0) * 100 * mega;  // stops with 4 GB left
        out.descriptors += 300 * std::floor(std::min(hours_in(age), 80.0) / 30);
        return out;
    });
    ASSERT_TRUE(each.use(hours{24 * 14}));
    EXPECT_EQ(each.report().renewals, 0U);
    EXPECT_EQ(each.of(resource::memory).per_hour, 0);
    EXPECT_EQ(each.of(resource::descriptors).per_hour, 0);
}

TEST(growth_policy, growth_with_plenty_of_room_is_no_reason) {
    box each(1, [](core::nanoseconds age, int, core::steady_time) {
        held out;
        out.memory += hours_in(age) * 100 * mega;
        return out;
    });
    each.give(1e12, 0);
    ASSERT_TRUE(each.use(hours{24 * 7}));
    EXPECT_EQ(each.report().renewals, 0U);
    EXPECT_NEAR(each.of(resource::memory).per_hour, 100 * mega, mega);
}

// What others take of the memory for a while is theirs.
TEST(growth_policy, a_box_that_is_short_of_memory_for_a_while_is_no_growth) {
    growth_policy policy{hours{1}};
    core::steady_time now{hours{1}};
    policy.began(now);
    for (int look = 0; look < 24 * 12; ++look) {
        now += policy.interval();
        policy.ran();
        const auto held = static_cast<std::uint64_t>(2e9 + look * 1e5);  // 1.2 MB an hour
        const bool short_of = look % 24 >= 22;
        policy.saw({{process::resource_use{held, held + (short_of ? 1'000'000U : 3'000'000'000U)}, {}, {}}},
                   now);
        ASSERT_FALSE(policy.wants_renewal(now)) << look;
    }
    EXPECT_EQ(policy.report().resources.size(), 1U) << "what can't be read is not told";
}

TEST(growth_policy, a_renewal_that_does_not_help_is_repeated_ever_more_seldom) {
    // The next process is soon as big as the one before: something outside of it holds what it has.
    core::steady_time began{};
    box each(1, [&](core::nanoseconds, int, core::steady_time now) {
        began = began == core::steady_time{} ? now : began;
        held out;
        out.descriptors += std::min(600 + 4 * hours_in(now - began), 950.0);
        return out;
    });
    std::vector<std::uint64_t> after;
    for (int week = 0; week < 8; ++week) {
        ASSERT_TRUE(each.use(hours{24 * 7}));
        after.push_back(each.report().renewals);
    }
    EXPECT_LE(after.front(), 3U);
    EXPECT_LE(after.back(), 4U);
    EXPECT_GE(after.back(), 1U);
    EXPECT_FALSE(each.report().renewal_helps);
}

TEST(growth_policy, limits_that_nobody_knows_are_met_by_nobody) {
    growth_policy policy{hours{1}};
    core::steady_time now{hours{1}};
    policy.began(now);
    for (std::uint64_t look = 0; look < 500; ++look) {
        now += policy.interval();
        policy.ran();
        policy.saw({{{}, process::resource_use{10 * look, 0}, {}}}, now);
    }
    EXPECT_FALSE(policy.wants_renewal(now));
    ASSERT_EQ(policy.report().resources.size(), 1U);
    EXPECT_NEAR(policy.report().resources[0].per_hour, 120, 1);
    EXPECT_EQ(policy.report().resources[0].limit, 0);
}

}  // namespace
}  // namespace corral::engine
