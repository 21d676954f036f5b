#include "engine/dialects/ax_poll/cycle_clocks.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds;
using core::seconds;

constexpr catalog::clock_bounds bounds{milliseconds{10'000}, milliseconds{300'000}};

chunk_clock prefill() {
    return chunk_clock(seconds{60}, milliseconds{40}, bounds, "chunks");
}

void see(chunk_clock& clock, int times, prompt_size of, core::nanoseconds took) {
    for (int i = 0; i < times; ++i) {
        clock.observe(of, took);
    }
}

TEST(chunk_clock, starts_from_a_base_and_so_much_a_token) {
    const chunk_clock clock = prefill();
    EXPECT_EQ(clock.limit({0, 128}), seconds{60});
    EXPECT_EQ(clock.limit({1000, 128}), seconds{100});
}

TEST(chunk_clock, what_short_prompts_took_tells_of_long_ones) {
    chunk_clock clock = prefill();
    see(clock, 5, {100, 128}, milliseconds{1300});
    EXPECT_EQ(clock.limit({100, 128}), seconds{13});
    EXPECT_EQ(clock.limit({500, 128}), seconds{52}) << "four chunks";
    EXPECT_EQ(clock.limit({2000, 128}), seconds{140}) << "no more than the profile would give";
}

TEST(chunk_clock, what_long_prompts_took_is_shared_out) {
    chunk_clock clock = prefill();
    see(clock, 5, {1024, 128}, milliseconds{10'400});
    EXPECT_EQ(clock.limit({100, 128}), seconds{13});
}

TEST(chunk_clock, has_a_floor_for_the_whole) {
    chunk_clock clock = prefill();
    see(clock, 5, {100, 128}, milliseconds{20});
    EXPECT_EQ(clock.limit({100, 128}), seconds{10});
    EXPECT_EQ(clock.limit({700, 128}), seconds{10}) << "six chunks of 0.2 s";
}

TEST(chunk_clock, an_unknown_chunk_is_the_usual_one) {
    chunk_clock clock = prefill();
    see(clock, 5, {300, 0}, seconds{6});
    EXPECT_EQ(clock.limit({100, 0}), seconds{20});
}

TEST(chunk_clock, running_out_widens_and_never_shrinks) {
    chunk_clock clock = prefill();
    const prompt_size size{1000, 128};
    see(clock, 5, size, seconds{4});
    core::nanoseconds before = clock.limit(size);
    ASSERT_EQ(before, seconds{40});
    for (const core::nanoseconds expected : {seconds{100}, seconds{200}, seconds{340}, seconds{340}}) {
        clock.ran_out();
        EXPECT_EQ(clock.limit(size), expected) << "doubled up to the ceiling";
        EXPECT_GE(clock.limit(size), before);
        before = clock.limit(size);
    }
    see(clock, 5, size, seconds{4});
    EXPECT_EQ(clock.limit(size), seconds{40});
}

TEST(chunk_clock, a_box_slower_than_its_profile_is_given_more) {
    chunk_clock clock = prefill();
    see(clock, 5, {100, 128}, seconds{55});
    EXPECT_GE(clock.limit({100, 128}), seconds{110});
    EXPECT_LE(clock.limit({100, 128}), seconds{304});
}

TEST(chunk_clock, says_what_it_stood_at_and_why) {
    chunk_clock clock = prefill();
    see(clock, 6, {500, 128}, milliseconds{5200});
    EXPECT_EQ(clock.stand({500, 128}),
              "stood at 52 s for 500 tokens in 4 chunks (learned from 6 chunks, the longest 1.3 s, times 10; "
              "floor 10 s, ceiling 320 s)");
}

}  // namespace
}  // namespace corral::engine::ax_poll
