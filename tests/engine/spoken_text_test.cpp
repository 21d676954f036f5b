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

}  // namespace
}  // namespace corral::engine
