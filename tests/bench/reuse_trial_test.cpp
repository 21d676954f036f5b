#include "corral/bench/reuse_trial.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::bench {
namespace {

using testing::HasSubstr;

TEST(reuse_trial, a_turn_begins_with_all_turns_before_it) {
    const auto first = reuse_messages("000 x.", {});
    const auto third = reuse_messages("000 x.", {"one", "two"});
    ASSERT_EQ(first.size(), 2U);
    ASSERT_EQ(third.size(), 6U);
    EXPECT_EQ(third[0].content, first[0].content);
    EXPECT_EQ(third[1].content, first[1].content);
    EXPECT_EQ(third[2].content, "one");
    EXPECT_EQ(third[4].content, "two");
    EXPECT_EQ(third[5].role, "user");
}

TEST(reuse_trial, another_mark_makes_another_beginning_of_the_same_length) {
    const auto one = reuse_messages(reuse_mark("120000", 0), {});
    const auto other = reuse_messages(reuse_mark("120000", 7), {});
    EXPECT_NE(one[0].content.substr(0, 3), other[0].content.substr(0, 3));
    EXPECT_EQ(one[0].content.size(), other[0].content.size());
    EXPECT_EQ(one[1].content, other[1].content);
}

TEST(reuse_trial, reads_a_stream_in_any_pieces) {
    const std::string stream =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\r\n\r\n: a comment\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
        "data:{\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n"
        "data: "
        "{\"choices\":[],\"usage\":{\"prompt_tokens\":40,\"prompt_tokens_details\":{\"cached_tokens\":30}}}"
        "\n\n"
        "data: [DONE]\n\n";
    for (std::size_t piece = 1; piece < stream.size(); piece += 7) {
        turn_cost got;
        completion_reader reader(got);
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            ASSERT_TRUE(reader.take(stream.substr(at, piece), static_cast<double>(at + 1)));
        }
        EXPECT_TRUE(reader.done());
        EXPECT_EQ(got.answer, "Hello");
        EXPECT_EQ(got.prompt_tokens, 40);
        EXPECT_EQ(got.cached_tokens, 30);
        EXPECT_GT(got.first_text_s, 0);
        EXPECT_EQ(got.failure, "");
    }
}

TEST(reuse_trial, an_error_in_the_stream_is_told) {
    turn_cost got;
    completion_reader reader(got);
    EXPECT_FALSE(reader.take("data: {\"error\":{\"message\":\"it broke\"}}\n", 1));
    EXPECT_THAT(got.failure, HasSubstr("it broke"));
    turn_cost other;
    completion_reader second(other);
    EXPECT_FALSE(second.take("data: nonsense\n", 1));
    EXPECT_NE(other.failure, "");
}

TEST(reuse_trial, the_table_has_both_times_of_each_turn) {
    reuse_record run;
    run.model = "m";
    run.rows.resize(2);
    run.rows[0].with.first_text_s = 0.5;
    run.rows[1].with.first_text_s = 0.25;
    run.rows[1].with.cached_tokens = 140;
    run.rows[1].without.failure = "gone";
    const std::string table = table_report(run);
    EXPECT_THAT(table, HasSubstr("0.500 s"));
    EXPECT_THAT(table, HasSubstr("0.250 s"));
    EXPECT_THAT(table, HasSubstr("140"));
    EXPECT_THAT(table, HasSubstr("gone"));
    const auto read = nlohmann::json::parse(json_report(run));
    EXPECT_EQ(read["turns"][1]["with_reuse"]["cached_tokens"], 140);
    EXPECT_EQ(read["turns"][1]["without_reuse"]["failure"], "gone");
}

}  // namespace
}  // namespace corral::bench
