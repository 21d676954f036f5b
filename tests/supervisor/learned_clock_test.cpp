#include "corral/supervisor/learned_clock.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using core::milliseconds;
using core::seconds;

constexpr clock_habits gaps{"gaps", 50, 200, 10};
constexpr catalog::clock_bounds bounds{milliseconds{5'000}, milliseconds{120'000}};

learned_clock decode() {
    return learned_clock(seconds{30}, bounds, gaps);
}

void see(learned_clock& clock, int times, core::nanoseconds took) {
    for (int i = 0; i < times; ++i) {
        clock.observe(took);
    }
}

TEST(learned_clock, keeps_the_default_until_it_knows_the_box) {
    learned_clock clock = decode();
    see(clock, 49, milliseconds{600});
    EXPECT_EQ(clock.limit(), seconds{30});
    see(clock, 1, milliseconds{600});
    EXPECT_EQ(clock.limit(), seconds{6});
}

TEST(learned_clock, stays_within_its_bounds) {
    learned_clock quick = decode();
    see(quick, 100, milliseconds{10});
    EXPECT_EQ(quick.limit(), seconds{5});
    learned_clock slow = decode();
    see(slow, 100, seconds{29});
    EXPECT_EQ(slow.limit(), seconds{120}) << "a box slower than the profile thinks is given more";
}

TEST(learned_clock, one_step_that_was_slow_and_well_counts_at_once) {
    learned_clock clock = decode();
    see(clock, 200, milliseconds{300});
    ASSERT_EQ(clock.limit(), seconds{5});
    clock.observe(seconds{4});
    EXPECT_EQ(clock.limit(), seconds{8});
    learned_clock young = decode();
    young.observe(seconds{25});
    EXPECT_EQ(young.limit(), seconds{50}) << "before anything is learned too";
}

TEST(learned_clock, forgets_what_is_long_past) {
    learned_clock clock = decode();
    clock.observe(seconds{20});
    see(clock, 200, milliseconds{300});
    EXPECT_EQ(clock.limit(), seconds{5});
}

TEST(learned_clock, running_out_never_makes_it_shorter) {
    learned_clock clock = decode();
    see(clock, 100, milliseconds{300});
    clock.ran_out();
    EXPECT_EQ(clock.limit(), seconds{30}) << "what was learned is in doubt";
    clock.ran_out();
    EXPECT_EQ(clock.limit(), seconds{60});
    see(clock, 49, milliseconds{300});
    clock.ran_out();
    EXPECT_EQ(clock.limit(), seconds{120}) << "not enough steps were well in between";
    clock.ran_out();
    EXPECT_EQ(clock.limit(), seconds{120});
    see(clock, 50, milliseconds{300});
    EXPECT_EQ(clock.limit(), seconds{5});
}

TEST(learned_clock, a_start_beyond_its_bounds_is_the_bound) {
    EXPECT_EQ(learned_clock(seconds{2}, bounds, gaps).floor(), seconds{2});
    EXPECT_EQ(learned_clock(seconds{200}, bounds, gaps).ceiling(), seconds{200});
}

TEST(learned_clock, says_where_it_stands_and_why) {
    learned_clock clock = decode();
    EXPECT_EQ(clock.stand(),
              "stood at 30 s (the profile's default, for no gaps are known yet; floor 5 s, ceiling 120 s)");
    see(clock, 7, milliseconds{600});
    EXPECT_EQ(
        clock.stand(),
        "stood at 30 s (the profile's default, for only 7 gaps of 50 are known; floor 5 s, ceiling 120 s)");
    see(clock, 112, milliseconds{600});
    clock.observe(milliseconds{900});
    EXPECT_EQ(clock.stand(),
              "stood at 6 s (learned from 120 gaps, 99 % within 0.6 s, times 10; floor 5 s, ceiling 120 s)");
    clock.ran_out();
    clock.ran_out();
    EXPECT_EQ(clock.stand(),
              "stood at 60 s (widened because it ran out 2 times before; floor 5 s, ceiling 120 s)");
}

TEST(learned_clock, believes_one_load) {
    learned_clock clock(seconds{600}, {milliseconds{100'000}, milliseconds{1'800'000}}, {"loads", 1, 8, 4});
    clock.observe(seconds{60});
    EXPECT_EQ(clock.stand(),
              "stood at 240 s (learned from 1 load, the longest 60 s, times 4; floor 100 s, ceiling 30 min)");
    EXPECT_EQ(clock.latest(), seconds{60});
}

// Whatever happens, the limit lies within the bounds, above twice of every step it still knows, and doubt
// never lowers it.
TEST(learned_clock, holds_its_promises_on_random_walks) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::mt19937 random(seed);
        learned_clock clock = decode();
        for (int i = 0; i < 400; ++i) {
            if (random() % 40 == 0) {
                const core::nanoseconds before = clock.limit();
                clock.ran_out();
                ASSERT_GE(clock.limit(), before) << "seed " << seed << " step " << i;
                ASSERT_GE(clock.limit(), clock.start());
            } else {
                const milliseconds took{static_cast<long>(random() % 20'000)};
                clock.observe(took);
                ASSERT_GE(clock.limit(), std::min<core::nanoseconds>(took * 2, clock.ceiling()))
                    << "seed " << seed << " step " << i;
            }
            ASSERT_GE(clock.limit(), clock.floor());
            ASSERT_LE(clock.limit(), clock.ceiling());
        }
    }
}

TEST(seconds_text, is_short) {
    EXPECT_EQ(seconds_text(milliseconds{6240}), "6.2 s");
    EXPECT_EQ(seconds_text(milliseconds{40'000}), "40 s");
    EXPECT_EQ(seconds_text(milliseconds{15}), "15 ms");
    EXPECT_EQ(seconds_text(seconds{600}), "10 min");
    EXPECT_EQ(seconds_text(seconds{0}), "0 s");
}

}  // namespace
}  // namespace corral::supervisor
