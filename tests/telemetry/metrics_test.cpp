#include "corral/telemetry/metrics.hpp"

#include <gmock/gmock.h>

namespace corral::telemetry {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

run_sample good_run() {
    run_sample out;
    out.model = "m:latest";
    out.backend = "m:latest@0";
    out.outcome = "stop";
    out.queue = milliseconds{2};
    out.reset = milliseconds{40};
    out.prefill = milliseconds{300};
    out.decode = milliseconds{2000};
    out.total = milliseconds{2400};
    out.first_text = milliseconds{350};
    out.prompt_tokens = 11;
    out.generated_tokens = 20;
    out.tries = 2;
    return out;
}

std::size_t lines_with(const std::string& text, const std::string& beginning) {
    std::size_t found = 0;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        found += text.compare(at, beginning.size(), beginning) == 0 ? 1 : 0;
    }
    return found;
}

TEST(metrics, a_run_is_in_every_figure_it_belongs_to) {
    metrics figures;
    figures.note_run(good_run());
    const std::string text = figures.text();
    for (const char* line : {
             "corral_requests_total{backend=\"m:latest@0\",model=\"m:latest\",outcome=\"stop\"} 1\n",
             "corral_request_tries_total{backend=\"m:latest@0\",model=\"m:latest\"} 2\n",
             "corral_request_retries_total{model=\"m:latest\"} 1\n",
             "corral_prompt_tokens_total{backend=\"m:latest@0\",model=\"m:latest\"} 11\n",
             "corral_generated_tokens_total{backend=\"m:latest@0\",model=\"m:latest\"} 20\n",
             "corral_request_stage_seconds_sum{model=\"m:latest\",stage=\"decode\"} 2\n",
             "corral_request_stage_seconds_count{model=\"m:latest\",stage=\"queue\"} 1\n",
             "corral_request_first_token_seconds_bucket{model=\"m:latest\",le=\"0.5\"} 1\n",
             "corral_request_first_token_seconds_bucket{model=\"m:latest\",le=\"0.25\"} 0\n",
             "corral_request_decode_tokens_per_second_sum{backend=\"m:latest@0\",model=\"m:latest\"} 10\n",
         }) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    EXPECT_THAT(text, Not(HasSubstr("stage=\"tokenise\""))) << "nobody knew it";
    EXPECT_THAT(text, Not(HasSubstr("cancel_idle"))) << "nobody cancelled";
}

TEST(metrics, a_prompt_counts_by_how_it_met_what_the_backend_held) {
    metrics figures;
    run_sample run = good_run();
    run.cached_tokens = 9;
    run.start = "continued";
    figures.note_run(run);
    run.cached_tokens = 0;
    run.start = "differs";
    figures.note_run(run);
    run.start.clear();
    figures.note_run(run);
    const std::string text = figures.text();
    const std::string at = "{backend=\"m:latest@0\",model=\"m:latest\"";
    EXPECT_THAT(text, HasSubstr("corral_prompt_cached_tokens_total" + at + "} 9\n"));
    EXPECT_THAT(text, HasSubstr("corral_prompt_starts_total" + at + ",start=\"continued\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("corral_prompt_starts_total" + at + ",start=\"differs\"} 1\n"));
    EXPECT_EQ(lines_with(text, "corral_prompt_starts_total{"), 2U) << "nobody knew the third";
}

TEST(metrics, counters_of_a_configured_model_begin_at_nothing_so_that_the_first_increase_is_seen) {
    metrics figures;
    figures.expect("m:latest", "m:latest");
    const std::string text = figures.text();
    EXPECT_THAT(
        text,
        HasSubstr("corral_requests_total{backend=\"m:latest\",model=\"m:latest\",outcome=\"stop\"} 0\n"));
    EXPECT_THAT(text,
                HasSubstr("corral_generated_tokens_total{backend=\"m:latest\",model=\"m:latest\"} 0\n"));
}

TEST(metrics, a_request_that_had_no_turn_counts_as_an_end_and_in_no_stage) {
    metrics figures;
    run_sample refused;
    refused.model = "m";
    refused.outcome = "queue-full";
    refused.cause = "queue-full";
    refused.total = milliseconds{1};
    figures.note_run(refused);
    const std::string text = figures.text();
    EXPECT_THAT(text, HasSubstr("corral_request_failures_total{cause=\"queue-full\",model=\"m\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("corral_request_stage_seconds")));
    EXPECT_THAT(text, Not(HasSubstr("corral_request_tries_total{")));
}

TEST(metrics, words_without_end_do_not_fill_the_memory) {
    metrics figures;
    for (int i = 0; i < 2000; ++i) {
        run_sample one;
        one.model = "m" + std::to_string(i);
        one.cause = "cause" + std::to_string(i);
        one.outcome = "internal";
        figures.note_run(one);
    }
    const std::string text = figures.text();
    EXPECT_EQ(lines_with(text, "corral_requests_total{"), 257U);
    EXPECT_THAT(text,
                HasSubstr("corral_requests_total{backend=\"\",model=\"other\",outcome=\"internal\"} 1744\n"));
    EXPECT_LE(lines_with(text, "corral_request_failures_total{"), 257U * 2);
}

TEST(metrics, a_label_can_not_break_its_line) {
    metrics figures;
    figures.collect_with([](metric_page& page) {
        page.gauge("corral_test", "A test.", {{"name", "a\"b\\c\nd"}}, 1);
    });
    EXPECT_THAT(figures.text(), HasSubstr("corral_test{name=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(metrics, collectors_are_asked_at_each_scrape) {
    metrics figures;
    int asked = 0;
    figures.collect_with(
        [&asked](metric_page& page) { page.counter("corral_n_total", "Scrapes.", {}, ++asked); });
    EXPECT_THAT(
        figures.text(),
        HasSubstr("# HELP corral_n_total Scrapes.\n# TYPE corral_n_total counter\ncorral_n_total 1\n"));
    EXPECT_THAT(figures.text(), HasSubstr("corral_n_total 2\n"));
}

TEST(metrics, a_value_told_twice_is_there_once_and_its_family_is_one_wherever_it_comes_from) {
    metric_page page;
    page.gauge("a", "First.", {{"card", "0"}}, 1);
    page.gauge("b", "Other.", {}, 5);
    page.gauge("a", "Not this.", {{"card", "0"}}, 2);
    page.gauge("a", "Not this.", {{"card", "1"}}, 3);
    ASSERT_EQ(page.families().size(), 2U);
    EXPECT_EQ(page.families()[0].help, "First.");
    ASSERT_EQ(page.families()[0].samples.size(), 2U);
    EXPECT_EQ(page.families()[0].samples[0].value, 1);
}

TEST(metrics, a_clock_that_went_back_adds_nothing_negative) {
    metrics figures;
    figures.note_lateness(milliseconds{-5});
    EXPECT_THAT(figures.text(), HasSubstr("corral_loop_late_seconds_sum 0\n"));
}

}  // namespace
}  // namespace corral::telemetry
