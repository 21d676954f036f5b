#include "pull/resume_policy.hpp"

#include <gtest/gtest.h>

namespace corral::pull {
namespace {

TEST(resume, goes_on_where_the_part_ends_if_it_is_still_the_same_file) {
    const auto asked = plan_part({5, 10, "\"e\""});
    EXPECT_EQ(asked.from, 5U);
    EXPECT_EQ(asked.if_range, "\"e\"");
    EXPECT_EQ(plan_part({5, 10, "W/\"e\""}).if_range, "");
    EXPECT_EQ(plan_part({0, 10, "\"e\""}).from, 0U);
    EXPECT_TRUE(plan_part({10, 10, ""}).complete);
    EXPECT_TRUE(plan_part({0, 0, ""}).complete);
    EXPECT_TRUE(plan_part({11, 10, ""}).discard);
    EXPECT_EQ(plan_part({5, std::nullopt, ""}).from, 5U);
}

TEST(resume, takes_the_rest_or_the_whole_and_nothing_else) {
    const part_facts part{5, 10, "\"e\""};
    const part_request asked = plan_part(part);
    EXPECT_EQ(judge_answer(part, asked, {206, "bytes 5-9/10", 5})->from, 5U);
    EXPECT_EQ(judge_answer(part, asked, {200, "", 10})->from, 0U);
    EXPECT_FALSE(judge_answer(part, asked, {206, "bytes 4-9/10", 6}));
    EXPECT_FALSE(judge_answer(part, asked, {206, "bytes 5-9/11", 5}));
    EXPECT_FALSE(judge_answer(part, asked, {206, "bytes 5-9/10", 4}));
    EXPECT_FALSE(judge_answer(part, asked, {206, "", 5}));
    EXPECT_FALSE(judge_answer(part, asked, {200, "", 11}));
    EXPECT_FALSE(judge_answer(part, asked, {304, "", {}}));
    EXPECT_TRUE(judge_answer(part, asked, {200, "", {}}));
}

TEST(content_ranges, are_read_strictly) {
    EXPECT_EQ(parse_content_range("bytes 5-9/10"), (content_range{5, 9, 10}));
    EXPECT_EQ(parse_content_range("bytes 5-9/*"), (content_range{5, 9, std::nullopt}));
    for (const char* const bad :
         {"", "bytes", "bytes 9-5/10", "bytes 5-10/10", "bytes -5/10", "bytes 5-/10", "items 5-9/10",
          "bytes 5-9", "bytes 5-9/x", "bytes */10", "bytes 99999999999999999999-9/10"}) {
        EXPECT_FALSE(parse_content_range(bad)) << bad;
    }
}

}  // namespace
}  // namespace corral::pull
