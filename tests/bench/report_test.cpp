#include "corral/bench/report.hpp"

#include <gmock/gmock.h>

#include "bench/shown.hpp"

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct published {
    const char* id;
    const char* title;
    double speed;
    double first_ms;
    int in;
    int out;
    double total_s;
    double memory;
};

// The report prints two digits of each time to the first token, whose mean and median then lie exactly
// between two figures; the third digits here are such that they come out as it prints them.
constexpr published tests_of_the_board[] = {
    {"completion_01", "Technical Explanation", 3.16, 1048.167, 31, 119, 38.69, 5026.32},
    {"completion_02", "Creative Writing", 3.14, 1253.922, 39, 244, 78.89, 5027.18},
    {"completion_03", "Scientific Discussion", 3.15, 1087.62, 31, 112, 36.68, 5027.18},
    {"completion_04", "Historical Analysis", 3.19, 1269.40, 38, 33, 11.64, 5027.18},
    {"completion_05", "Technology Trends", 3.15, 1246.892, 33, 78, 26.05, 5027.18},
    {"creativity_01", "Fantasy Story Creation", 3.00, 2386.687, 73, 639, 215.69, 5029.19},
};

test_result asked(const char* id, const char* title) {
    test_result out;
    out.test.id = id;
    out.test.title = title;
    out.test.messages.push_back({"user", "Say ``` and go on"});
    return out;
}

run_record board() {
    run_record run;
    run.model = "qwen3-4b";
    run.hardware = "Rockchip RK3588 NPU (3 cores)";
    run.generated = "2025-10-20 16:24:10";
    run.duration_s = 1608.0;
    run.planned = 10;
    run.sampling = {{"top_k", 20}, {"top_p", 0.95}, {"temperature", 0.6}, {"repeat_penalty", 0.9}};
    for (const published& one : tests_of_the_board) {
        test_result result = asked(one.id, one.title);
        result.seen.how = ending::success;
        result.seen.input_tokens = one.in;
        result.seen.output_tokens = one.out;
        result.seen.prefill_s = one.first_ms / 1000;
        result.seen.decode_s = one.out / one.speed;
        result.seen.total_s = one.total_s;
        result.seen.memory_mb = one.memory;
        result.seen.text = "answer";
        run.results.push_back(result);
    }
    for (const char* const id : {"planning_01", "coding_01", "instruction_following_01", "consistency_01"}) {
        test_result result = asked(id, id);
        result.seen.how = ending::timed_out;
        result.seen.reason = "Request timed out: no part of an answer came within 120.0 s";
        // As fast as can be, to be sure that it counts nowhere.
        result.seen.output_tokens = 1000;
        result.seen.decode_s = 0.001;
        result.seen.total_s = 0.001;
        result.seen.text = "half a plan";
        run.results.push_back(result);
    }
    return run;
}

TEST(report, prints_the_published_figures_digit_by_digit) {
    const std::string text = markdown_report(board());
    for (const char* const line :
         {"# 🚀 qwen3-4b NPU Benchmark Results\n\n**Generated:** 2025-10-20 16:24:10\n"
          "**Duration:** 1608.0 seconds (26.8 minutes)\n\n## 📊 Executive Summary\n\n- **Model:** `qwen3-4b`\n"
          "- **Hardware:** Rockchip RK3588 NPU (3 cores)\n- **Success Rate:** 6/10 (60%)\n"
          "- **Total Tokens Generated:** 1,225 tokens\n- **Average Speed:** 3.13 tok/s\n"
          "- **Memory Usage:** ~5027 MB\n",
          "    \"top_k\": 20,\n    \"top_p\": 0.95,\n    \"temperature\": 0.6,\n    \"repeat_penalty\": "
          "0.9\n",
          "| Metric | Average | Median | Min | Max |\n|--------|---------|--------|-----|-----|\n"
          "| Generation Speed (tok/s) | 3.13 | 3.15 | 3.00 | 3.19 |\n"
          "| Time to First Token (ms) | 1382.11 | 1250.41 | 1048.17 | 2386.69 |\n"
          "| Input Processing (tok/s) | 29.36 | - | - | - |\n",
          "- **Total Input Tokens:** 245\n- **Total Output Tokens:** 1,225\n"
          "- **Average Output per Request:** 122.5 tokens\n- **Average Output per Success:** 204.2 tokens\n"
          "- **Total Tokens Processed:** 1,470\n",
          "### Test 1/10: Technical Explanation\n\n**ID:** `completion_01`\n\n| Metric | Value |\n"
          "|--------|-------|\n| Status | ✅ Success |\n| Generation Speed | 3.16 tok/s |\n"
          "| Time to First Token | 1048.17 ms |\n| Total Time | 38.69 seconds |\n| Input Tokens | 31 |\n"
          "| Output Tokens | 119 |\n| Memory Usage | 5026.32 MB |\n",
          "❌ **Failed:** Request timed out", "**Partial Response:**\n```\nhalf a plan\n```\n",
          "- TTFT: 1250 ms median\n", "- TTFT ≈ 123 ms + 30.8 ms per input token\n",
          "⚠️ 60% success rate",
          "- **Longest output:** Fantasy Story Creation (639 tokens)\n- **Generation time:** 215.7 seconds\n",
          "Partial success rate, 6 of 10 tests", "**Report Generated:** 2025-10-20 16:24:10"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    EXPECT_THAT(text, Not(HasSubstr("High success rate")));
}

TEST(report, a_model_can_not_leave_its_fence) {
    EXPECT_EQ(fenced("a ```` b"), "`````\na ```` b\n`````\n");
    EXPECT_THAT(markdown_report(board()), HasSubstr("````\nSay ``` and go on\n````\n"));
}

TEST(report, estimated_tokens_are_said_to_be_estimates) {
    run_record run = board();
    run.facts.counts = "tokens estimated";
    EXPECT_THAT(markdown_report(run), HasSubstr("tok/s (tokens estimated)"));
}

TEST(report, without_a_success_nothing_is_made_up) {
    run_record run = board();
    run.results.erase(run.results.begin(), run.results.begin() + 6);
    const std::string text = markdown_report(run);
    EXPECT_THAT(text, HasSubstr("**Average Speed:** not known"));
    EXPECT_THAT(text, HasSubstr("Low success rate, 0 of 4 tests"));
    EXPECT_THAT(markdown_report(run_record{}), HasSubstr("0/0 (0%)"));
}

TEST(report, an_interrupted_test_is_neither_a_failure_nor_a_success) {
    run_record run = board();
    run.interrupted = true;
    run.results.back().seen.how = ending::interrupted;
    const std::string text = markdown_report(run);
    EXPECT_THAT(text, HasSubstr("**Interrupted:** after 9 of 10 tests"));
    EXPECT_THAT(text, HasSubstr("6/9 (67%)"));
}

TEST(report, results_come_back_and_are_compared) {
    const auto read = read_results(json_report(board()), "results.json");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(markdown_comparison(*read, *read), markdown_comparison(board(), board()));
    EXPECT_EQ(markdown_report(*read), markdown_report(board()));
    EXPECT_EQ(html_report(*read), html_report(board()));
    run_record faster = board();
    for (test_result& one : faster.results) {
        one.seen.decode_s = *one.seen.decode_s / 2;
    }
    faster.results[5].seen.how = ending::failed;
    const std::string text = markdown_comparison(*read, faster);
    EXPECT_THAT(text, HasSubstr("Of the 5 tests that succeeded in both runs; 10 are in both."));
    EXPECT_THAT(text, HasSubstr("| tok/s (decode) | 3.16 | 6.32 | +100% |"));
    EXPECT_THAT(text, HasSubstr("| Fantasy Story Creation | 3.00 | failed | - | - | - | - |"));
    for (const char* const bad : {"", "[]", "{}", "{\"schema\":\"corral-bench-1\",\"results\":3}"}) {
        EXPECT_FALSE(read_results(bad, "x")) << bad;
    }
}

TEST(statistics, durations_are_believed_only_where_they_can_be_true) {
    const auto honest = believe(1'000'000'000, 8'000'000'000, 10);
    EXPECT_DOUBLE_EQ(honest.decode_s.value(), 8);
    EXPECT_DOUBLE_EQ(honest.prefill_s.value(), 1);
    const auto milliseconds = believe(1000, 8000, 10);
    EXPECT_TRUE(milliseconds.in_ms);
    EXPECT_DOUBLE_EQ(milliseconds.decode_s.value(), 8);
    EXPECT_FALSE(believe(0, 0, 10).decode_s);
    EXPECT_FALSE(believe(0, 20'000'000'000, 10).decode_s);  // longer than we waited
    EXPECT_FALSE(believe(0, 5, 10).decode_s);
}

TEST(statistics, repetition_is_seen_at_the_end_alone) {
    std::string again;
    for (int i = 0; i < 30; ++i) {
        again += "and so on ";
    }
    EXPECT_TRUE(repeats_itself("Once " + again));
    EXPECT_TRUE(repeats_itself(std::string(300, '!')));
    EXPECT_FALSE(repeats_itself("no no no no no no no"));
    EXPECT_FALSE(repeats_itself(again + "but then it all ended well, and there was a dinner for everyone"));
    EXPECT_FALSE(repeats_itself(""));
}

}  // namespace
}  // namespace corral::bench::test
