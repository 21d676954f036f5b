#include "chat/answer/utf8_assembler.hpp"

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

#define BAD "\xEF\xBF\xBD"

struct sample {
    std::string raw;
    std::string expected;
};

const std::vector<sample>& samples() {
    static const std::vector<sample> all{
        {"plain", "plain"},
        {"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80!", "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80!"},
        {"\x80", BAD},
        {"a\xC3", "a" BAD},
        {"a\xC3z", "a" BAD "z"},
        {"\xE2\x82", BAD},
        {"\xE2\x82\xC3\xA9", BAD "\xC3\xA9"},
        {"\xF0\x9F\x98", BAD},
        {"\xF0\x9F\x98x", BAD "x"},
        {"\xC0\xAF", BAD BAD},                  // overlong
        {"\xE0\x80\x80", BAD BAD BAD},          // overlong
        {"\xED\xA0\x80", BAD BAD BAD},          // surrogate
        {"\xF4\x90\x80\x80", BAD BAD BAD BAD},  // past U+10FFFF
        {"\xF4\x8F\xBF\xBF\xFF", "\xF4\x8F\xBF\xBF" BAD},
        {std::string("a\0b", 3), std::string("a\0b", 3)},
    };
    return all;
}

TEST(utf8_assembler, is_independent_of_the_pieces) {
    for (const auto& one : samples()) {
        for (std::size_t first = 0; first <= one.raw.size(); ++first) {
            for (std::size_t second = first; second <= one.raw.size(); ++second) {
                utf8_assembler characters;
                auto out = characters.feed(one.raw.substr(0, first));
                out += characters.feed(one.raw.substr(first, second - first));
                out += characters.feed(one.raw.substr(second));
                out += characters.finish();
                EXPECT_EQ(out, one.expected) << "cut at " << first << " and " << second;
            }
        }
    }
}

TEST(utf8_assembler, gives_a_character_with_its_last_byte) {
    utf8_assembler characters;
    EXPECT_EQ(characters.feed("a\xF0\x9F"), "a");
    EXPECT_EQ(characters.feed("\x98"), "");
    EXPECT_EQ(characters.feed("\x80"), "\xF0\x9F\x98\x80");
    EXPECT_EQ(characters.finish(), "");
}

}  // namespace
}  // namespace corral::chat
