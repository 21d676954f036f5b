#include "corral/core/text.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(text, lower_case_leaves_other_bytes_alone) {
    EXPECT_EQ(lower_case("AbZ[@\xC3\x84"), "abz[@\xC3\x84");
    EXPECT_TRUE(equal_ignoring_case("Qwen3:4B", "qWEN3:4b"));
    EXPECT_FALSE(equal_ignoring_case("a", "ab"));
    EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

TEST(text, hex_value_knows_both_cases_and_nothing_else) {
    EXPECT_EQ(hex_value('9'), 9);
    EXPECT_EQ(hex_value('a'), 10);
    EXPECT_EQ(hex_value('F'), 15);
    for (const char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '\xFF'}) {
        EXPECT_EQ(hex_value(c), -1) << c;
    }
}

TEST(text, trimmed_takes_blanks_at_the_ends_only) {
    EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
    EXPECT_EQ(trimmed(" \t"), "");
    EXPECT_EQ(trimmed(""), "");
    EXPECT_EQ(trimmed("--a--", "-"), "a");
}

TEST(text, split_keeps_empty_parts) {
    EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
    EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(text, joined_is_the_reverse) {
    EXPECT_EQ(joined({"a", "", "b"}, ","), "a,,b");
    EXPECT_EQ(joined({}), "");
    EXPECT_EQ(joined({"a", "b"}), "a, b");
}

TEST(text, whole_number_takes_all_or_nothing) {
    EXPECT_EQ(whole_number<unsigned>("42"), 42U);
    EXPECT_EQ(whole_number<int>("-7"), -7);
    EXPECT_EQ(whole_number<unsigned>("ff", 16), 255U);
    EXPECT_FALSE(whole_number<unsigned>("-7"));
    EXPECT_FALSE(whole_number<unsigned>("+7"));
    EXPECT_FALSE(whole_number<unsigned>(""));
    EXPECT_FALSE(whole_number<unsigned>("7 "));
    EXPECT_FALSE(whole_number<std::uint8_t>("256"));
}

}  // namespace
}  // namespace corral::core
