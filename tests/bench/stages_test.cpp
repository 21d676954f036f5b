#include "corral/bench/stages.hpp"

#include <gtest/gtest.h>

namespace corral::bench::test {
namespace {

TEST(stages, a_part_is_not_counted_with_its_whole) {
    const auto spans = spans_of(read_server_timing(
        "queue;dur=0.041, reset;dur=38.210, prefill;dur=412.730, decode;dur=1630.118, other;dur=2.514, "
        "total;dur=2083.613, tokenise;dur=1.904;desc=\"part of prefill\", "
        "detokenise;dur=9.377;desc=\"part of decode\", cached;desc=\"52 of 80 prompt tokens\""));
    ASSERT_TRUE(spans);
    EXPECT_DOUBLE_EQ(spans->tokenise_ms.value(), 1.904);
    EXPECT_NEAR(spans->prefill_ms.value(), 410.826, 1e-9);
    EXPECT_NEAR(spans->decode_ms.value(), 1620.741, 1e-9);
    EXPECT_NEAR(spans->sum(), 2083.613, 1e-9) << "they add up to the total";
}

TEST(stages, what_is_not_told_is_not_made_up) {
    const auto spans = spans_of(read_server_timing("prefill;dur=5"));
    ASSERT_TRUE(spans);
    EXPECT_FALSE(spans->tokenise_ms);
    EXPECT_FALSE(spans->decode_ms);
    for (const char* const text : {"", ",", ";;;", "decode", "decode;dur=", "decode;dur=nan", "decode;dur=-1",
                                   "decode;dur=x", "<b>;dur=1", "cdn;dur=1"}) {
        EXPECT_FALSE(spans_of(read_server_timing(text))) << text;
    }
}

TEST(stages, an_endless_field_is_bounded) {
    std::string field;
    for (int i = 0; i < 10'000; ++i) {
        field += "s" + std::to_string(i) + ";dur=1,";
    }
    EXPECT_LE(read_server_timing(field).size(), 16U);
}

}  // namespace
}  // namespace corral::bench::test
