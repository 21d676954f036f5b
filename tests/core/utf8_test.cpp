#include "corral/core/utf8.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

// The encoding of `point`, without any check, so that also what must not be encoded can be.
std::string encoded(std::uint32_t point) {
    const auto byte = [](std::uint32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
    if (point < 0x80) {
        return {byte(point)};
    }
    if (point < 0x800) {
        return {byte(0xC0U | point >> 6U), byte(0x80U | (point & 0x3FU))};
    }
    if (point < 0x10000) {
        return {byte(0xE0U | point >> 12U), byte(0x80U | (point >> 6U & 0x3FU)),
                byte(0x80U | (point & 0x3FU))};
    }
    return {byte(0xF0U | point >> 18U), byte(0x80U | (point >> 12U & 0x3FU)),
            byte(0x80U | (point >> 6U & 0x3FU)), byte(0x80U | (point & 0x3FU))};
}

TEST(utf8, every_character_is_whole_and_each_shorter_piece_is_cut_short) {
    for (std::uint32_t point = 0; point <= 0x10FFFF; ++point) {
        const std::string text = encoded(point);
        const utf8_step step = next_utf8(text + "x");
        if (point >= 0xD800 && point <= 0xDFFF) {
            ASSERT_EQ(step.kind, utf8_kind::invalid) << point;
            ASSERT_EQ(character_length(text), 0U) << point;
            continue;
        }
        ASSERT_EQ(step.kind, utf8_kind::whole) << point;
        ASSERT_EQ(step.point, point);
        ASSERT_EQ(character_length(text), text.size()) << point;
        for (std::size_t cut = 1; cut < text.size(); ++cut) {
            ASSERT_EQ(next_utf8(std::string_view(text).substr(0, cut)).kind, utf8_kind::cut_short) << point;
        }
    }
}

TEST(utf8, overlong_forms_and_stray_bytes_are_invalid) {
    for (const std::string_view text :
         {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80", "\x80", "\xFF", "\xC3(", "\xE2\x82("}) {
        const utf8_step step = next_utf8(text);
        EXPECT_EQ(step.kind, utf8_kind::invalid);
        EXPECT_GE(step.length, 1U);
        EXPECT_EQ(character_length(text), 0U);
    }
}

TEST(utf8, every_character_is_written_as_it_is_read) {
    for (std::uint32_t point = 1; point <= 0x10FFFF; ++point) {
        if (point < 0xD800 || point > 0xDFFF) {
            std::string text;
            append_utf8(text, point);
            ASSERT_EQ(text, encoded(point)) << point;
        }
    }
}

TEST(utf8, text_is_counted_and_cut_between_characters) {
    const std::string_view text = "a\xC3\xBC\xE2\x82\xAC";  // 1, 2 and 3 bytes
    EXPECT_EQ(characters_of(text), 3U);
    const std::vector<std::size_t> kept{0, 1, 1, 3, 3, 3, 6, 6};
    for (std::size_t most = 0; most < kept.size(); ++most) {
        EXPECT_EQ(cut_between_characters(text, most).size(), kept[most]) << most;
    }
}

}  // namespace
}  // namespace corral::core
