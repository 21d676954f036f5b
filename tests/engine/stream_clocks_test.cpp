// A clock that is too short kills a healthy server; one that never moves kills it again and again.

#include "engine/streaming/stream_clocks.hpp"

#include <gmock/gmock.h>

namespace corral::engine::streaming {
namespace {

using core::milliseconds;
using core::nanoseconds;
using core::seconds;
using testing::HasSubstr;

catalog::engine_clocks profile() {
    catalog::engine_clocks out;
    out.prefill_base = seconds{60};
    out.prefill_per_token = milliseconds{120};
    out.prefill_bounds = {seconds{10}, seconds{600}};
    return out;
}

TEST(prefill_clock_test, starts_with_what_the_profile_gives_the_prompt) {
    const prefill_clock clock(profile());
    EXPECT_EQ(clock.limit(0), seconds{60});
    EXPECT_EQ(clock.limit(1000), seconds{180});
}

TEST(prefill_clock_test, prompts_that_the_server_remembered_make_it_no_shorter) {
    prefill_clock clock(profile());
    for (int i = 0; i < 200; ++i) {
        clock.observe(4000, milliseconds{3});
    }
    EXPECT_EQ(clock.limit(4000), seconds{540});
}

TEST(prefill_clock_test, a_slow_box_gets_more_for_every_length) {
    prefill_clock clock(profile());
    clock.observe(1000, seconds{150});  // of 180
    EXPECT_EQ(clock.limit(1000), seconds{300}) << "twice the longest, before there are enough";
    EXPECT_EQ(clock.limit(0), seconds{100});
    for (int i = 0; i < 5; ++i) {
        clock.observe(1000, seconds{90});
    }
    EXPECT_GT(clock.limit(1000), seconds{900});
}

TEST(prefill_clock_test, one_that_ran_out_doubles_up_to_its_ceiling) {
    prefill_clock clock(profile());
    std::vector<nanoseconds> seen;
    for (int i = 0; i < 6; ++i) {
        clock.ran_out();
        seen.push_back(clock.limit(500));
    }
    EXPECT_THAT(seen, testing::ElementsAre(seconds{120}, seconds{240}, seconds{480}, seconds{960},
                                           seconds{1200}, seconds{1200}));
}

TEST(prefill_clock_test, says_where_it_stands_and_why) {
    prefill_clock clock(profile());
    clock.ran_out();
    clock.ran_out();
    EXPECT_EQ(clock.stand(500),
              "stood at 240 s for about 500 tokens (widened because it ran out 2 times before; floor 120 s, "
              "ceiling 20 min)");
}

TEST(prefill_clock_test, a_base_and_no_time_for_tokens_is_a_clock_too) {
    catalog::engine_clocks from = profile();
    from.prefill_per_token = milliseconds{0};
    prefill_clock clock(from);
    clock.observe(100000, seconds{45});
    EXPECT_EQ(clock.limit(100000), seconds{90});
}

TEST(stream_clocks_test, the_gaps_between_pieces_are_learned_both_ways) {
    catalog::engine_clocks from = profile();
    from.decode_stall = seconds{60};
    from.decode_bounds = {seconds{10}, seconds{300}};
    stream_clocks clocks(from);
    for (int i = 0; i < 100; ++i) {
        clocks.decode.observe(milliseconds{330});
    }
    EXPECT_EQ(clocks.decode.limit(), seconds{10});
    for (int i = 0; i < 100; ++i) {
        clocks.decode.observe(seconds{8});
    }
    EXPECT_EQ(clocks.decode.limit(), seconds{80});
}

}  // namespace
}  // namespace corral::engine::streaming
