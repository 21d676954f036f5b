#include "generation/moving_lines.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::generation {
namespace {

std::string home(const std::string& clock, const std::string& lamp = "off") {
    return "Current time is " + clock +
           ".\nYou are a voice assistant.\nAnswer in plain text.\n\nDevices:\n- lamp: " + lamp +
           "\n- door: closed\n- blinds: down\n- fan: off";
}

class moving_lines_of : public testing::Test {
protected:
    settled_lines settle(const std::string& text, const std::string& share = "ann") {
        return lines_.settle(share, text);
    }
    moving_lines lines_{core::keyed_hash::key{1, 2}};
};

TEST_F(moving_lines_of, a_clock_is_known_from_the_second_request_on) {
    const settled_lines first = settle(home("12:00"));
    EXPECT_EQ(first.fixed, home("12:00"));
    EXPECT_EQ(first.count, 0U);
    std::string fixed;
    for (const char* clock : {"12:01", "12:02", "12:03", "12:04", "12:05"}) {
        const settled_lines next = settle(home(clock));
        EXPECT_EQ(next.moving, std::string("Current time is ") + clock + ".\n");
        EXPECT_EQ(next.count, 1U);
        EXPECT_TRUE(fixed.empty() || next.fixed == fixed) << "what stays is the same each time";
        fixed = next.fixed;
    }
    EXPECT_EQ(fixed.find("time"), std::string::npos);
    EXPECT_NE(fixed.find("\n\nDevices:\n"), std::string::npos) << "blank lines stay";
}

TEST_F(moving_lines_of, a_state_that_changed_moves_for_three_requests) {
    settle(home("1"));
    settle(home("2"));
    const settled_lines changed = settle(home("3", "on"));
    EXPECT_EQ(changed.moving, "Current time is 3.\n- lamp: on\n");
    EXPECT_EQ(settle(home("4", "on")).count, 2U);
    EXPECT_EQ(settle(home("5", "on")).count, 2U);
    EXPECT_EQ(settle(home("6", "on")).count, 1U) << "it is as fixed as the others by now";
}

TEST_F(moving_lines_of, another_text_and_another_client_begin_anew) {
    settle(home("1"));
    EXPECT_EQ(settle("You write titles.\nBe brief.").count, 0U);
    EXPECT_EQ(settle(home("2")).count, 0U);
    EXPECT_EQ(settle(home("3"), "bob").count, 0U);
    EXPECT_EQ(settle(home("4")).count, 1U);
    EXPECT_EQ(settle("").fixed, "");
    const std::string huge(100'000, 'x');
    EXPECT_EQ(settle(huge).fixed, huge);
    const std::string blank_lines(10'000, '\n');
    EXPECT_EQ(settle(blank_lines).fixed, blank_lines);
}

TEST_F(moving_lines_of, blank_lines_make_no_two_texts_alike) {
    settle("You write titles.\n\nBe brief.\n\nUse no emoji.\n\n");
    const std::string other = "You are a harbour clerk.\n\nKnow each berth.\n\nNever guess.\n\n";
    EXPECT_EQ(settle(other).fixed, other) << "another text, and no line of it has moved";
}

TEST_F(moving_lines_of, they_stand_before_the_words_of_the_newest_question) {
    const auto message = [](chat::role from, std::string text) {
        chat::message out;
        out.from = from;
        out.content = std::move(text);
        return out;
    };
    settle(home("1"));
    const settled_lines lines = settle(home("2"));
    const std::vector<chat::message> asked{
        message(chat::role::system, home("2")), message(chat::role::user, "Hi"),
        message(chat::role::assistant, "Hello"), message(chat::role::user, "Lamp on"),
        message(chat::role::tool, "done")};
    const auto moved = with_lines_moved(asked, lines);
    ASSERT_TRUE(moved.has_value());
    EXPECT_EQ(moved->at(0).content, lines.fixed);
    EXPECT_EQ(moved->at(1).content, "Hi");
    EXPECT_EQ(moved->at(3).content, "Current time is 2.\n\nLamp on");
    EXPECT_FALSE(with_lines_moved({asked[1], asked[2]}, lines).has_value());
    EXPECT_FALSE(with_lines_moved({asked[0]}, lines).has_value());
    EXPECT_FALSE(with_lines_moved(asked, {}).has_value());
}

}  // namespace
}  // namespace corral::generation
