#include "cli/chat/line_editor_policy.hpp"

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

constexpr const char* left = "\x1b[D";
constexpr const char* up = "\x1b[A";
constexpr const char* down = "\x1b[B";

struct line : testing::Test {
    line_history before;
    line_editor editor{">>> ", 20, before};

    line_state type(std::string_view bytes) {
        line_state last = line_state::typing;
        for (const char byte : bytes) {
            last = editor.feed(byte);
        }
        return last;
    }
    void anew() {
        editor.~line_editor();
        new (&editor) line_editor(">>> ", 20, before);
    }
};

TEST_F(line, is_entered_as_it_was_typed) {
    EXPECT_EQ(type("hello\r"), line_state::entered);
    EXPECT_EQ(editor.text(), "hello");
}

TEST_F(line, is_edited_in_the_middle) {
    type("helo");
    type(left);
    type("l");
    EXPECT_EQ(editor.text(), "hello");
    type("\x01_\x05!");
    EXPECT_EQ(editor.text(), "_hello!");
    type("\x17");
    EXPECT_EQ(editor.text(), "");
}

TEST_F(line, loses_letters_and_never_their_bytes) {
    type("a\xC3\xA4\xE4\xB8\xAD");
    type("\x7F");
    EXPECT_EQ(editor.text(), "a\xC3\xA4");
    type(left);
    type("\x1b[3~");
    EXPECT_EQ(editor.text(), "a");
    type("\xC3(\x7F");
    EXPECT_EQ(editor.text().find('\xC3'), std::string::npos);
}

TEST_F(line, brings_back_earlier_ones_and_the_one_that_was_begun) {
    before.add("first");
    before.add("second");
    before.add("second");
    anew();
    type("new");
    type(up);
    EXPECT_EQ(editor.text(), "second");
    type(up);
    type(up);
    EXPECT_EQ(editor.text(), "first");
    type(down);
    type(down);
    EXPECT_EQ(editor.text(), "new");
}

TEST_F(line, ends_by_control_keys) {
    EXPECT_EQ(type("\x04"), line_state::ended);
    anew();
    EXPECT_EQ(type("ab\x01\x04"), line_state::typing);
    EXPECT_EQ(editor.text(), "b");
    EXPECT_EQ(type("\x03"), line_state::dropped);
}

TEST_F(line, takes_the_line_ends_of_what_is_pasted) {
    EXPECT_EQ(type("\x1b[200~one\rtwo\x1b[201~"), line_state::typing);
    EXPECT_EQ(editor.text(), "one\ntwo");
    EXPECT_EQ(type("\r"), line_state::entered);
}

TEST_F(line, is_drawn_over_itself_with_rows_of_the_terminals_width) {
    EXPECT_EQ(editor.redraw(), "\r\x1b[J>>> \r\x1b[4C");
    EXPECT_EQ(editor.redraw(), "");
    type("0123456789abcdefX");
    EXPECT_EQ(editor.redraw(), "\r\x1b[J>>> 0123456789abcdef\r\nX\r\x1b[1C");
    type("\x01");
    EXPECT_EQ(editor.redraw(), "\x1b[1A\r\x1b[J>>> 0123456789abcdef\r\nX\x1b[1A\r\x1b[4C");
    EXPECT_EQ(type("\r"), line_state::entered);
    EXPECT_EQ(editor.redraw(), "\r\x1b[J>>> 0123456789abcdef\r\nX\r\n");
}

TEST_F(line, counts_the_columns_of_wide_letters) {
    type("\xE4\xB8\xAD\xE4\xB8\xAD");
    EXPECT_EQ(editor.redraw(), "\r\x1b[J>>> \xE4\xB8\xAD\xE4\xB8\xAD\r\x1b[8C");
}

TEST_F(line, shows_no_character_that_moves_or_hides_others) {
    type(
        "a\x07\xE2\x80\xAE"
        "b\x1b[99Zc");
    EXPECT_EQ(editor.text(), "abc");
}

}  // namespace
}  // namespace corral::cli
