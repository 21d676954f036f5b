#include <sstream>

#include <gmock/gmock.h>

#include "bench_record.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(summary, is_a_dozen_lines_that_fit) {
    const std::string text = summary(bench_record(), 80);
    std::istringstream lines(text);
    std::string line;
    std::size_t count = 0;
    for (; std::getline(lines, line); ++count) {
        EXPECT_LE(line.size(), 80U) << line;
    }
    EXPECT_LE(count, 12U) << text;
    EXPECT_THAT(text, HasSubstr("2 of 3 tests as asked, 1 that the model can't do"));
    EXPECT_THAT(text, HasSubstr("JSON: the answer is no valid JSON"));
    EXPECT_THAT(text, HasSubstr("Corral 1.0.0, profile axera-poll, 4B, w8a16, package Qwen3-4B"));
    EXPECT_THAT(text, HasSubstr("first token, client, ms"));
    EXPECT_THAT(text, HasSubstr("first token, runtime, ms"));
}

TEST(summary, without_a_success_there_are_no_figures) {
    run_record run = bench_record();
    run.results.erase(run.results.begin(), run.results.begin() + 2);
    const std::string text = summary(run, 80);
    EXPECT_THAT(text, HasSubstr("0 of 1 test as asked"));
    EXPECT_THAT(text, Not(HasSubstr("p90")));
}

TEST(summary, nothing_foreign_steers_the_terminal) {
    run_record run = bench_record();
    run.results[2].seen.reason = "\x1b[2Jgone";
    run.model = "a\x1b]0;x\x07";
    EXPECT_THAT(summary(run, 80), Not(HasSubstr("\x1b")));
}

TEST(summary, fits_a_narrow_terminal) {
    const std::string text = summary(bench_record(), 40);
    EXPECT_THAT(text, HasSubstr("\nspeed, tok/s\n"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 40U) << line;
    }
}

TEST(performance_report, has_the_parts_of_the_published_one) {
    run_record before = bench_record();
    for (test_result& one : before.results) {
        one.seen.decode_s = 8;
    }
    const std::string text = performance_report(bench_record(), &before);
    std::size_t at = 0;
    for (const char* const part :
         {"# Performance Analysis Report\n## qwen3:4b on Raspberry Pi 5, card 0 AX650N",
          "**Report Date:** 2026-01-02", "## Executive Summary", "**5.00 tokens/s**",
          "## Performance Timeline", "| Stage | tokens/s | Improvement | Notes |",
          "| Before | 2.50 | baseline |", "| After | 5.00 | +100% |", "## Resource Utilization",
          "## Performance Breakdown", "### Generation Time Analysis", "### Comparison by Input Length",
          "| Long | 1,000 | 20 | 6.00 | 5.00 |", "## Remaining Warnings",
          "- JSON: the answer is no valid JSON", "## Conclusion", "## Appendix: Configuration"}) {
        const std::size_t found = text.find(part, at);
        ASSERT_NE(found, std::string::npos) << part << " in\n" << text;
        at = found;
    }
}

}  // namespace
}  // namespace corral::bench::test
