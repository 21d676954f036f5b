#include "corral/core/text.hpp"

#include <array>
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

TEST(text, a_shell_word_is_quoted_only_where_it_must) {
    EXPECT_EQ(shell_word("/opt/a-b/c_1.bin"), "/opt/a-b/c_1.bin");
    EXPECT_EQ(shell_word("a b"), "'a b'");
    EXPECT_EQ(shell_word("it's; rm -rf /"), "'it'\\''s; rm -rf /'");
    EXPECT_EQ(shell_word(""), "''");
}

TEST(text, a_word_to_paste_is_whole_or_none) {
    EXPECT_EQ(word_to_paste("a'b"), "'a'\\''b'");
    EXPECT_EQ(word_to_paste("\xE4\xBD\xA0"), "'\xE4\xBD\xA0'");
    EXPECT_TRUE(word_to_paste(std::string(800, 'a')));
    EXPECT_FALSE(word_to_paste(std::string(801, 'a')));
    EXPECT_FALSE(word_to_paste(std::string(300, '\''))) << "longer once it is quoted";
    EXPECT_FALSE(word_to_paste("a\nb"));
    EXPECT_FALSE(word_to_paste("a\x1B[31m"));
    EXPECT_FALSE(word_to_paste("a\xFF"));
}

TEST(text, what_is_quoted_for_a_shell_is_not_found) {
    EXPECT_EQ(find_unquoted("a && b", " && "), 1U);
    EXPECT_EQ(find_unquoted("'a && b' && c", " && "), 8U);
    EXPECT_EQ(find_unquoted("'it'\\'' && b' && c", " && "), 13U);
    EXPECT_EQ(find_unquoted("'a && b'", " && "), std::string_view::npos);
    EXPECT_EQ(find_unquoted("'a && b", " && "), std::string_view::npos) << "a quote without its end";
    EXPECT_EQ(find_unquoted("a\\", "b"), std::string_view::npos);
    EXPECT_EQ(find_unquoted("a && b && c", " && ", 5), 6U);
}

using three = std::array<std::uint8_t, 3>;

TEST(hex, bytes_come_back_as_they_were) {
    const three bytes{0x00, 0x7f, 0xfe};
    EXPECT_EQ(hex_text(bytes.data(), bytes.size()), "007ffe");
    EXPECT_EQ(hex_bytes<three>("007ffe"), bytes);
    EXPECT_EQ(hex_bytes<three>("007FFE"), bytes);
}

TEST(hex, of_another_length_or_with_a_foreign_letter_is_nothing) {
    for (const char* text : {"", "007ff", "007ffe0", "007ffe00", "007ffg", "0x7ffe", " 07ffe"}) {
        EXPECT_FALSE(hex_bytes<three>(text)) << text;
    }
}

}  // namespace
}  // namespace corral::core
