#include "cli/base/terminal.hpp"

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

}  // namespace
}  // namespace corral::cli
