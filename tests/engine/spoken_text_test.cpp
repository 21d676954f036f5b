// What is said once is searched once for a sign, however often a runtime prints it.

#include "engine/spoken_text.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace corral::engine {
namespace {

TEST(spoken_text, bare_is_letters_and_digits_of_all_languages) {
    EXPECT_EQ(bare("a-B 9_\n.'\x1b"), "aB9");
    EXPECT_EQ(bare("\xc3\xa9t\xc3\xa9!"), "\xc3\xa9t\xc3\xa9");
    EXPECT_EQ(bare(""), "");
}

TEST(spoken_text, a_sign_may_come_in_pieces_behind_a_search_in_vain) {
    spoken_text text;
    EXPECT_FALSE(text.holds("carddied"));
    text.add("the card ");
    EXPECT_FALSE(text.holds("carddied"));
    text.add("di");
    EXPECT_FALSE(text.holds("carddied"));
    text.add("ed at noon");
    EXPECT_TRUE(text.holds("carddied"));
    EXPECT_TRUE(text.holds("carddied")) << "it stays said";
    EXPECT_FALSE(text.holds("dietcard"));
}

TEST(spoken_text, is_bounded) {
    spoken_text text;
    text.add(std::string(spoken_text::most_bytes - 1, ' '));
    EXPECT_FALSE(text.is_cut());
    text.add("secret");
    EXPECT_TRUE(text.is_cut());
    EXPECT_TRUE(text.holds("s"));
    EXPECT_FALSE(text.holds("secret"));
}

// Each of these lines cost a walk through the whole text: at once with eight texts 3.6 ms a line.
TEST(spoken_text, a_sign_asked_for_a_hundred_thousand_times_costs_one_search) {
    spoken_text text;
    for (std::size_t i = 0; i < spoken_text::most_bytes / 16; ++i) {
        text.add("GGML_ASSER_____ ");
    }
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_FALSE(text.holds("GGMLASSERTno"));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(spoken_text, finds_each_run_of_sixteen_wherever_it_stands) {
    spoken_text text;
    std::string all;
    for (int i = 0; all.size() < 20'000; ++i) {
        const std::string piece = std::to_string(i * 7919) + "x" + std::to_string(i);
        text.add(piece);
        all += piece;
    }
    for (std::size_t at = 0; at + 16 <= all.size(); ++at) {
        ASSERT_EQ(text.run_in("-" + all.substr(at, 16) + "-"), 1U) << at;
    }
    EXPECT_EQ(text.run_in(all.substr(100, 15)), std::string_view::npos);
    EXPECT_EQ(text.run_in("short"), std::string_view::npos);
}

TEST(spoken_text, one_that_repeats_itself_is_as_quick) {
    spoken_text text;
    for (std::size_t i = 0; i < spoken_text::most_bytes / 16; ++i) {
        text.add("abcdefghijklmnop");
    }
    EXPECT_EQ(text.run_in("--klmnopabcdefghij"), 2U);
    const std::string line(4096, 'a');
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(text.run_in(line), std::string_view::npos);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace corral::engine
