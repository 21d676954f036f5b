#include <random>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "corral/core/utf8.hpp"
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

std::string utf8(std::uint32_t point) {
    std::string out;
    core::append_utf8(out, point);
    return out;
}

// A character that a terminal obeys, that hides text or turns it round, is shown nowhere as it is.
bool harmless(std::string_view text, bool page) {
    while (!text.empty()) {
        const core::utf8_step step = core::next_utf8(text);
        const bool kept = page && (step.point == '\n' || step.point == '\t');
        if (step.kind != core::utf8_kind::whole || (!core::is_printable(step.point) && !kept)) {
            return false;
        }
        text.remove_prefix(step.length);
    }
    return true;
}

TEST(printable, shows_every_hostile_character_of_the_table) {
    for (const std::uint32_t point :
         {0x00U,   0x07U,   0x08U,   0x1BU,   0x7FU,   0x80U,    0x85U,   0x9BU,   0x9DU,   0x9FU,
          0xADU,   0x61CU,  0x180EU, 0x200BU, 0x200CU, 0x200DU,  0x200EU, 0x200FU, 0x2028U, 0x2029U,
          0x202AU, 0x202BU, 0x202CU, 0x202DU, 0x202EU, 0x2060U,  0x2064U, 0x2066U, 0x2067U, 0x2068U,
          0x2069U, 0x206FU, 0xFEFFU, 0xFFF9U, 0xFFFBU, 0xE0001U, 0xE007FU}) {
        EXPECT_FALSE(core::is_printable(point)) << point;
        EXPECT_TRUE(harmless(printable("a" + utf8(point) + "b"), false)) << point;
        EXPECT_TRUE(harmless(printable_page("a" + utf8(point) + "b"), true)) << point;
    }
    EXPECT_EQ(printable_page("\xC2\x9B"
                             "31m \xE2\x80\xAE \x1B]0;title\x07"),
              "\\u009b31m \\u202e \\u001b]0;title\\u0007");
    EXPECT_EQ(printable_page("\xFF"), "\\xff");
    EXPECT_EQ(printable_page("caf\xC3\xA9\tone\n\x1B[31mred\x1B[0m"), "caf\xC3\xA9\tone\n\x1B[31mred\x1B[0m");
    EXPECT_EQ(printable_page("\x1B[8mhidden \x1B[2J"), "\\u001b[8mhidden \\u001b[2J");
}

TEST(printable, every_character_there_is_comes_out_harmless) {
    for (std::uint32_t point = 0; point <= 0x10FFFF; ++point) {
        if (point >= 0xD800 && point <= 0xDFFF) {
            continue;
        }
        const std::string text = utf8(point);
        ASSERT_TRUE(harmless(printable(text), false)) << point;
        ASSERT_TRUE(harmless(printable_page(text), true)) << point;
        if (core::is_printable(point)) {
            ASSERT_EQ(printable_page(text), text);
        }
    }
}

TEST(printable, a_page_of_json_says_the_same_afterwards) {
    std::mt19937 random(5);  // NOLINT: the same in every run
    for (int round = 0; round < 500; ++round) {
        std::string text;
        for (int i = 0; i < 20; ++i) {
            const std::uint32_t ranges[] = {0x80, 0x100, 0x2100, 0x10000, 0xE0100, 0x110000};
            const auto point = static_cast<std::uint32_t>(random() % ranges[random() % 6]);
            text += point >= 0xD800 && point <= 0xDFFF ? "?" : utf8(point);
        }
        const nlohmann::json before{{text, text}};
        const std::string shown = printable_page(before.dump(2));
        ASSERT_TRUE(harmless(shown, true));
        ASSERT_EQ(nlohmann::json::parse(shown), before);
    }
}

TEST(printable, any_bytes_come_out_harmless) {
    std::mt19937 random(6);  // NOLINT: the same in every run
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(random() % 40, '\0');
        for (char& each : bytes) {
            each = static_cast<char>(random());
        }
        ASSERT_TRUE(harmless(printable(bytes, random() % 60), false));
        std::string page = printable_page(bytes);
        for (auto at = page.find('\x1B'); at != std::string::npos; at = page.find('\x1B')) {
            page.erase(at, 1);  // of a colour of our own
        }
        ASSERT_TRUE(harmless(page, true));
    }
}

TEST(printable, no_line_of_the_log_gets_past_it) {
    log().warn(
        "a runtime says \xE2\x80\xAE and \xC2\x9B"
        "31m and\nERROR forged");
    const log_tail told = recent_log(0, 100'000);
    ASSERT_FALSE(told.lines.empty());
    EXPECT_EQ(told.lines.back().text,
              "WARN a runtime says \\xe2\\x80\\xae and \\xc2\\x9b31m and\\nERROR forged");
}

}  // namespace
}  // namespace corral::telemetry
