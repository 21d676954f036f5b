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
    EXPECT_THAT(text, HasSubstr("first token, server, ms"));
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

}  // namespace
}  // namespace corral::bench::test
