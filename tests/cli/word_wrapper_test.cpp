#include "cli/chat/word_wrapper.hpp"

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

TEST(word_wrapper, takes_a_word_that_does_not_fit_to_the_next_line) {
    word_wrapper to(11);
    EXPECT_EQ(to.take("one two th"), "one two th");
    EXPECT_EQ(to.take("ree four"), "\x1b[2D\x1b[K\nthree four");
    EXPECT_EQ(to.take(" x"), "\nx");
}

TEST(word_wrapper, breaks_a_word_that_is_wider_than_the_line) {
    word_wrapper to(11);
    EXPECT_EQ(to.take("0123456789abc"), "0123456789\nabc");
}

TEST(word_wrapper, keeps_line_ends_and_letters_whole) {
    word_wrapper to(11);
    EXPECT_EQ(to.take("a\nb\xC3"), "a\nb");
    EXPECT_EQ(to.take("\xA4"), "\xC3\xA4");
    EXPECT_EQ(to.take("\x1b[2J"), "[2J");
}

}  // namespace
}  // namespace corral::cli
