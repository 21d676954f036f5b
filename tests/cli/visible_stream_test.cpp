#include "cli/base/visible_stream.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

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

}  // namespace
}  // namespace corral::cli
