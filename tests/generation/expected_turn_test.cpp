#include "generation/expected_turn.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::generation {
namespace {

chat::message message_of(chat::role from, std::string words, std::string thinking = {}) {
    chat::message out;
    out.from = from;
    out.content = std::move(words);
    out.thinking = std::move(thinking);
    return out;
}

chat::message call_of(std::string tool, std::string thinking = {}) {
    chat::message out = message_of(chat::role::assistant, "", std::move(thinking));
    out.calls.emplace_back();
    out.calls.back().name = std::move(tool);
    out.calls.back().id = "call_1";
    return out;
}

chat::generation_request talk_of(std::vector<chat::message> messages) {
    chat::generation_request out;
    out.messages = std::move(messages);
    return out;
}

const chat::message who_is_ada = message_of(chat::role::user, "Who is Ada?");

TEST(expected_turn, a_client_shows_behind_its_last_question_what_it_does_with_thoughts) {
    const struct {
        std::vector<chat::message> messages;
        std::optional<bool> wanted;
    } table[] = {
        {{who_is_ada}, std::nullopt},
        {{who_is_ada, call_of("f", "hm"), message_of(chat::role::tool, "36")}, true},
        {{who_is_ada, call_of("f"), message_of(chat::role::tool, "36")}, false},
        {{who_is_ada, call_of("f", "hm"), who_is_ada}, std::nullopt},
    };
    for (const auto& row : table) {
        EXPECT_EQ(sends_thoughts(talk_of(row.messages)), row.wanted) << "row " << (&row - table);
    }
}

TEST(expected_turn, is_known_where_there_is_an_answer_that_comes_back_as_it_was) {
    chat::generation_request unthinking = talk_of({who_is_ada});
    unthinking.thinking = chat::thinking_mode::off;
    const struct {
        chat::generation_request request;
        chat::message answer;
        bool wanted;
    } table[] = {
        {talk_of({who_is_ada}), message_of(chat::role::assistant, ""), false},
        {talk_of({who_is_ada}), message_of(chat::role::assistant, "Ada is", "hm"), true},
        {talk_of({who_is_ada}), call_of("f"), true},
        {talk_of({who_is_ada}), call_of("f", "hm"), false},
        {unthinking, call_of("f", "hm"), true},
        {talk_of({who_is_ada, call_of("f", "hm"), message_of(chat::role::tool, "1")}), call_of("f", "hm"),
         true},
    };
    for (const auto& row : table) {
        EXPECT_EQ(knows_next(row.request, row.answer), row.wanted) << "row " << (&row - table);
    }
}

TEST(expected_turn, follows_a_persons_conversation_that_is_no_copy_too_many) {
    EXPECT_TRUE(may_have_next(talk_of({who_is_ada})));
    EXPECT_FALSE(may_have_next(talk_of({message_of(chat::role::user, std::string(200'000, 'x'))})));
    EXPECT_FALSE(may_have_next(talk_of({who_is_ada, message_of(chat::role::assistant, "Ada is")})));
    EXPECT_FALSE(may_have_next(talk_of({message_of(chat::role::user, "### Task: a title")})));
    chat::generation_request job = talk_of({who_is_ada});
    job.priority = chat::priority_class::batch;
    EXPECT_FALSE(may_have_next(job));
    chat::generation_request raw;
    raw.raw_prompt = "Ada is";
    EXPECT_FALSE(may_have_next(raw));
}

TEST(expected_turn, is_a_question_behind_a_text_and_a_result_behind_a_call) {
    const auto plain = with_next(talk_of({who_is_ada}), message_of(chat::role::assistant, "36", "hm"), true);
    ASSERT_EQ(plain.messages.size(), 3U);
    EXPECT_EQ(plain.messages[1].content, "36");
    EXPECT_EQ(plain.messages[1].thinking, "") << "no template has it";
    EXPECT_EQ(plain.messages[2].from, chat::role::user);
    EXPECT_EQ(plain.messages[2].content, expected_words);
    for (const bool sent : {true, false}) {
        const auto called = with_next(talk_of({who_is_ada}), call_of("f", "hm"), sent);
        EXPECT_EQ(called.messages[1].thinking, sent ? "hm" : "");
        EXPECT_EQ(called.messages[2].from, chat::role::tool);
        EXPECT_EQ(called.messages[2].tool_name, "f");
        EXPECT_EQ(called.messages[2].tool_call_id, "call_1");
    }
}

}  // namespace
}  // namespace corral::generation
