#include <gmock/gmock.h>

#include "corral/telemetry/log.hpp"

namespace corral::telemetry {
namespace {

TEST(printable, leaves_ordinary_text_alone) {
    EXPECT_EQ(printable(""), "");
    EXPECT_EQ(printable("plain, caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x84"),
              "plain, caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x84");
}

TEST(printable, makes_visible_what_could_forge_a_line_or_hide) {
    EXPECT_EQ(printable("a\nERROR forged"), "a\\nERROR forged");
    EXPECT_EQ(printable("\r\t\x1B[31m\x7F"), "\\r\\t\\x1b[31m\\x7f");
    EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
    EXPECT_EQ(printable("\xFF\xC3("), "\\xff\\xc3(");
    EXPECT_EQ(printable("\xC2\x85\xE2\x80\xA8"), "\\xc2\\x85\\xe2\\x80\\xa8") << "line breaks of Unicode";
    EXPECT_EQ(printable("\xE2\x80\xAE"
                        "abc"),
              "\\xe2\\x80\\xaeabc")
        << "a mark that turns the direction";
}

TEST(printable, is_cut_at_whole_characters) {
    EXPECT_EQ(printable("1234567890", 10), "1234567890");
    EXPECT_EQ(printable("12345678901", 10), "1234567...");
    EXPECT_EQ(printable("12345\xF0\x9F\x90\x84\xF0\x9F\x90\x84", 10), "12345...");
    EXPECT_EQ(printable("\n\n\n\n\n\n", 10), "\\n\\n\\n...");
    for (std::size_t limit = 0; limit < 40; ++limit) {
        EXPECT_LE(printable(std::string(100, '\x01').append("\xE2\x82\xAC"), limit).size(), limit);
    }
    EXPECT_LE(printable(std::string(1000, 'x')).size(), 200U);
}

}  // namespace
}  // namespace corral::telemetry
