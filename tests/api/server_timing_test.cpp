#include "api/server_timing.hpp"

#include <gmock/gmock.h>

namespace corral::api {
namespace {

using std::chrono::milliseconds;

http::request asking(const std::string& value) {
    http::request out;
    out.headers.add("X-Corral-Timing", value);
    return out;
}

TEST(server_timing, only_for_who_asks) {
    EXPECT_TRUE(wants_timing(asking("1")));
    EXPECT_FALSE(wants_timing(asking("0")));
    EXPECT_FALSE(wants_timing(asking("")));
    EXPECT_FALSE(wants_timing(http::request{}));
}

TEST(server_timing, before_the_first_byte_only_what_is_known_by_then) {
    chat::generation_timings took;
    took.queue = milliseconds{3};
    took.reset = milliseconds{20};
    EXPECT_EQ(server_timing(took), "queue;dur=3.000, reset;dur=20.000");
    EXPECT_EQ(server_timing({}), "") << "it still waits for its turn";
}

TEST(server_timing, at_the_end_the_stages_add_up_to_the_total_and_parts_say_what_they_are_parts_of) {
    chat::generation_timings took;
    took.queue = milliseconds{1};
    took.reset = milliseconds{2};
    took.prefill = milliseconds{30};
    took.decode = milliseconds{400};
    took.total = milliseconds{435};
    took.tokenise = milliseconds{5};
    took.detokenise = milliseconds{6};
    took.delivery = core::nanoseconds{1500};
    EXPECT_EQ(server_timing(took),
              "queue;dur=1.000, reset;dur=2.000, prefill;dur=30.000, decode;dur=400.000, other;dur=2.000, "
              "total;dur=435.000, tokenise;dur=5.000;desc=\"part of prefill\", "
              "detokenise;dur=6.000;desc=\"part of decode\", delivery;dur=0.002;desc=\"part of the answer\"");
}

TEST(server_timing, tokens_that_were_found_computed_are_told_without_a_time) {
    chat::generation_timings took;
    took.prefill = milliseconds{30};
    took.prompt.prompt_tokens = 80;
    EXPECT_EQ(server_timing(took), "prefill;dur=30.000");
    took.prompt.cached_tokens = 52;
    EXPECT_EQ(server_timing(took), "prefill;dur=30.000, cached;desc=\"52 of 80 prompt tokens\"");
}

}  // namespace
}  // namespace corral::api
