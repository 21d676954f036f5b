#include "cli/base/terminal.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

const text_style narrow{true, true, 20};

TEST(wrapped, breaks_lines_between_words_only_and_on_a_terminal_only) {
    const std::string text = "  one two three four five\nshort\n";
    EXPECT_EQ(wrapped(text, {}), text);
    EXPECT_EQ(wrapped(text, narrow), "  one two three four\n      five\nshort\n");
    EXPECT_EQ(wrapped("a /path/that/is/longer/than/the/line b\n", narrow),
              "a\n    /path/that/is/longer/than/the/line\n    b\n");
    EXPECT_EQ(wrapped("no end", narrow), "no end");
}

TEST(wrapped, counts_letters_and_no_colours) {
    const std::string red = painted("twelve words", colour::red, narrow);
    EXPECT_EQ(wrapped(red + " 4567\n", narrow), red + " 4567\n");
    EXPECT_EQ(
        wrapped("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4 123456789 x\n",
                narrow),
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4 123456789\n    x\n");
}

TEST(visible_stream, nothing_hostile_leaves_the_program_whoever_prints_it) {
    std::ostringstream below;
    {
        std::ostream out(below.rdbuf());
        const visible_stream seen(out);
        out << "model \xE2\x80\xAE"
            << "evil\xC2\x9B"
            << "2J\n";
        out << "half \xE2" << std::flush;
        out << "\x80\xAE" << 'x' << '\n' << "caf\xC3\xA9 \x1B[32mgood\x1B[0m\n";
        EXPECT_EQ(below.str(),
                  "model \\u202eevil\\u009b2J\nhalf \\u202ex\ncaf\xC3\xA9 \x1B[32mgood\x1B[0m\n");
        out << "without an end \xE2\x80";
    }
    EXPECT_TRUE(below.str().ends_with("without an end \\xe2\\x80"));
}

TEST(visible_stream, of_prose_is_broken_between_words_and_begins_in_colour) {
    std::ostringstream below;
    {
        std::ostream out(below.rdbuf());
        const visible_stream seen(out, {true, true, 20});
        out << "error: "
            << "one two three four" << '\n'
            << "Sure? " << std::flush;
    }
    EXPECT_EQ(below.str(), "\x1B[31merror:\x1B[0m one two three\n    four\nSure? ");
}

TEST(visible_stream, tells_that_nobody_takes_it) {
    std::ostream nowhere(nullptr);
    std::stringbuf closed(std::ios::in);
    nowhere.rdbuf(&closed);
    const visible_stream seen(nowhere);
    nowhere << "a line\n";
    EXPECT_FALSE(nowhere.good());
}

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
