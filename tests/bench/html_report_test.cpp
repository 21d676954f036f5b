#include <gmock/gmock.h>

#include "bench/chart.hpp"
#include "bench_record.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(html_report, shows_what_was_measured_with_a_chart_of_each) {
    const std::string text = html_report(bench_record());
    for (const char* const part :
         {"<title>qwen3:4b", "2/3</b><span>tests as asked", "Speed over prompt length",
          "Time to the first token over prompt length", "at the client", "by the server", "not as asked",
          "can't", "Raspberry Pi 5, card 0 AX650N", "package Qwen3-4B", "width=device-width"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
    std::size_t points = 0;
    for (std::size_t at = text.find("<circle"); at != std::string::npos; at = text.find("<circle", at + 1)) {
        ++points;
    }
    EXPECT_EQ(points, 6U);  // two tests: their speed, and both times to the first token
}

TEST(html_report, cells_bear_the_names_of_their_columns_for_a_phone) {
    const std::string page = html_report(bench_record());
    EXPECT_THAT(page, HasSubstr("<td data-name=\"p99\">"));
    EXPECT_THAT(page, HasSubstr("<td data-name=\"first, client ms\">"));
}

TEST(html_report, loads_nothing_and_runs_nothing) {
    const std::string text = html_report(bench_record());
    EXPECT_THAT(text, HasSubstr("default-src 'none'; style-src 'unsafe-inline'"));
    for (const char* const never : {"<script", "src=", "href=", "@import", "url("}) {
        EXPECT_THAT(text, Not(HasSubstr(never)));
    }
}

TEST(html_report, foreign_text_stays_text) {
    const std::string bad = "</pre><script>alert(1)</script>\"'&";
    run_record run = bench_record();
    run.model = run.hardware = run.url = run.set = run.server = run.facts.package = run.facts.profile = bad;
    for (test_result& one : run.results) {
        one.test.title = one.seen.text = one.seen.thinking = one.seen.reason = bad;
        one.test.messages[0] = {bad, bad};
    }
    const std::string text = html_report(run);
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, HasSubstr("&lt;/pre&gt;&lt;script&gt;alert(1)"));
}

TEST(html_report, of_nothing_is_still_a_page) {
    const std::string text = html_report(run_record{});
    EXPECT_THAT(text, HasSubstr("0/0"));
    EXPECT_THAT(text, Not(HasSubstr("<svg")));
}

TEST(chart, an_axis_has_round_steps_whatever_the_values) {
    for (const double most : {0.0, 0.004, 1.0, 9.99, 4321.0, 1e9}) {
        chart of{"t", "x", "y", {{"s", "a", {{most, most}}}}, {}};
        const std::string text = svg_of(of);
        EXPECT_THAT(text, HasSubstr("<svg"));
        EXPECT_THAT(text, Not(HasSubstr("nan")));
        EXPECT_THAT(text, Not(HasSubstr("inf")));
        EXPECT_THAT(text, Not(HasSubstr("0.00000")));
        EXPECT_LT(text.size(), 10'000U) << most;
    }
    EXPECT_EQ(svg_of(chart{}), "");
}

}  // namespace
}  // namespace corral::bench::test
