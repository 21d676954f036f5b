#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/vendor_trial.hpp"
#include "bench_record.hpp"
#include "corral/bench/report.hpp"
#include "corral/core/result.hpp"

namespace corral::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string poll(bool done, const std::string& text) {
    return std::string(R"({"done":)") + (done ? "true" : "false") + R"(,"response":")" + text + "\"}";
}

TEST(poll_reader, text_that_comes_with_the_end_counts) {
    measurement seen;
    poll_reader reader(100, 0, seen);
    EXPECT_EQ(*reader.take(poll(false, ""), 0.1), poll_reader::state::waits);
    EXPECT_EQ(*reader.take(poll(false, "one two"), 0.2), poll_reader::state::waits);
    EXPECT_EQ(*reader.take(poll(true, " three"), 0.3), poll_reader::state::over);
    EXPECT_EQ(seen.text, "one two three");
    EXPECT_EQ(seen.pieces, 2U);
    EXPECT_DOUBLE_EQ(*seen.first_piece_s, 0.2);
}

TEST(poll_reader, a_runtime_that_has_not_begun_yet_is_not_done) {
    measurement seen;
    poll_reader reader(100, 1, seen);
    EXPECT_EQ(*reader.take(poll(true, ""), 1.0), poll_reader::state::waits);
    EXPECT_EQ(*reader.take(poll(false, ""), 2.5), poll_reader::state::waits);  // the reset still goes on
    EXPECT_EQ(*reader.take(poll(true, ""), 4.4), poll_reader::state::waits);
    EXPECT_EQ(*reader.take(poll(true, ""), 4.6), poll_reader::state::over);
}

TEST(poll_reader, knows_the_limit_by_pieces_alone) {
    measurement seen;
    poll_reader reader(6, 0, seen);
    EXPECT_EQ(*reader.take(poll(false, "one two three"), 1), poll_reader::state::waits);
    EXPECT_EQ(*reader.take(poll(false, "four five six"), 2), poll_reader::state::enough);
}

TEST(poll_reader, tells_a_full_context_and_a_stranger) {
    measurement seen;
    poll_reader reader(6, 0, seen);
    const auto full = reader.take(poll(true, "error: SetKVCache failed: -1,the context may be full"), 1);
    ASSERT_FALSE(full);
    EXPECT_THAT(full.error().message.text(), HasSubstr("the context may be full"));
    EXPECT_EQ(reader.take("<html>", 1).error().code, core::make_error_code(core::errc::protocol));
    EXPECT_EQ(seen.text, "");
}

TEST(repeated_reader, of_each_line_only_the_last_choice_is_new) {
    measurement seen;
    repeated_reader reader(seen);
    const std::string first = R"({"choices": [{"delta": {"content": "one"}}], "usage": null})";
    const std::string second =
        R"({"choices": [{"delta": {"content": "one"}}, {"delta": {"content": " \"content\": \n\u00e9"}}]})";
    EXPECT_FALSE(*reader.take(first.substr(0, 20), 0.5));
    EXPECT_TRUE(*reader.take(first.substr(20) + "\n\n", 1));
    EXPECT_TRUE(*reader.take(second + "\n\n", 2));
    EXPECT_EQ(seen.text, "one \"content\": \n\xC3\xA9");
    EXPECT_EQ(seen.pieces, 2U);
    EXPECT_DOUBLE_EQ(*seen.first_piece_s, 1);
    EXPECT_EQ(reader.take("<html>\n", 3).error().code, core::make_error_code(core::errc::protocol));
}

TEST(vendor_trial, says_what_its_ways_can_not_ask) {
    prompt_test test;
    test.messages = {{"system", "Be brief."}, {"user", "Hi"}};
    EXPECT_EQ(why_unsaid(test, asking::polled), "");
    test.messages.push_back({"assistant", "Hello."});
    test.messages.push_back({"user", "And?"});
    EXPECT_THAT(why_unsaid(test, asking::polled), HasSubstr("conversation"));
    EXPECT_EQ(why_unsaid(test, asking::openai), "");
    test.tools = "[]";
    EXPECT_THAT(why_unsaid(test, asking::openai), HasSubstr("tools"));
}

// As bench_record() has it, of a runtime that counts nothing; `more_s`: how much sooner it is.
run_record direct_record(double less_s) {
    run_record out = test::bench_record();
    out.server = "axera-poll";
    out.url = "http://127.0.0.1:41000";
    for (test_result& one : out.results) {
        one.seen.output_tokens.reset();
        one.seen.first_piece_s = *one.seen.first_piece_s - less_s;
        one.seen.total_s -= less_s;
    }
    return out;
}

TEST(beside_report, has_what_corral_costs_in_one_table) {
    const std::string text = beside_report(direct_record(0.005), test::bench_record());
    EXPECT_THAT(text, HasSubstr("| of 2 answers"));
    EXPECT_THAT(text, HasSubstr("+5.0 ± 0.0 (+2.5 %)"));  // 105 and 110 ms, 2,005 and 2,010 ms
    EXPECT_THAT(text, HasSubstr("| speed, tok/s"));
    EXPECT_THAT(text, HasSubstr("+0.00 ± 0.00 (+0.0 %)"));
    EXPECT_THAT(text, HasSubstr("2 of 2 answers are of the same length"));
    EXPECT_THAT(text, HasSubstr("the runtime counts none by itself"));
    EXPECT_THAT(text, HasSubstr("- Tool, by itself: the model can't call tools"));
}

TEST(beside_report, whole_times_of_different_answers_are_not_compared) {
    run_record direct = direct_record(0);
    direct.results[0].seen.text = "It is said, and then some more.";
    const std::string text = beside_report(direct, test::bench_record());
    EXPECT_THAT(text, HasSubstr("1 of 2 answers are of the same length"));
    // Two and a half times the letters in the same time.
    EXPECT_THAT(text, Not(HasSubstr("+0.00 ± 0.00")));
}

TEST(beside_report, without_a_common_answer_says_why) {
    run_record direct = direct_record(0);
    for (test_result& one : direct.results) {
        one.seen.how = ending::failed;
        one.seen.reason = "it broke";
    }
    const std::string text = beside_report(direct, test::bench_record());
    EXPECT_THAT(text, HasSubstr("No test was answered by both."));
    EXPECT_THAT(text, HasSubstr("- Short, by itself: it broke"));
}

}  // namespace
}  // namespace corral::bench
