#include "corral/telemetry/metrics.hpp"

#include <gmock/gmock.h>

#include "generation_driver.hpp"

namespace corral::generation {
namespace {

using test::run_until;
using testing::HasSubstr;
using testing::Not;

class generation_metrics : public test::generation_test {
protected:
    generation_metrics() {
        generation_options options;
        options.metrics = &figures;
        build(options);
    }

    telemetry::metrics figures;
};

TEST_F(generation_metrics, an_answer_counts_once_with_its_tokens_and_its_place) {
    backend.script.push_back(saying({"Hel", "lo"}));
    read(request());
    const std::string text = figures.text();
    EXPECT_THAT(
        text,
        HasSubstr(
            "corral_requests_total{backend=\"tiny:latest\",model=\"tiny:latest\",outcome=\"stop\"} 1\n"));
    EXPECT_THAT(
        text, HasSubstr("corral_generated_tokens_total{backend=\"tiny:latest\",model=\"tiny:latest\"} 2\n"));
    EXPECT_THAT(text,
                HasSubstr("corral_prompt_tokens_total{backend=\"tiny:latest\",model=\"tiny:latest\"} 7\n"));
    EXPECT_THAT(text, HasSubstr("corral_request_first_token_seconds_count{model=\"tiny:latest\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("corral_request_failures_total{")));
}

TEST_F(generation_metrics, a_prompt_that_was_held_counts_whole_and_by_its_part) {
    test::scripted_run held = saying({"Hel", "lo"});
    held.cached_tokens = 5;
    held.start = "continued";
    backend.script.push_back(held);
    const auto got = read(request());
    EXPECT_EQ(got.finished->usage.prompt_tokens, 7U);
    EXPECT_EQ(got.finished->usage.cached_tokens, 5U);
    EXPECT_EQ(got.finished->timings.prompt.cached_tokens, 5U);
    const std::string at = "{backend=\"tiny:latest\",model=\"tiny:latest\"";
    const std::string text = figures.text();
    EXPECT_THAT(text, HasSubstr("corral_prompt_tokens_total" + at + "} 7\n"));
    EXPECT_THAT(text, HasSubstr("corral_prompt_cached_tokens_total" + at + "} 5\n"));
    EXPECT_THAT(text, HasSubstr("corral_prompt_starts_total" + at + ",start=\"continued\"} 1\n"));
}

TEST_F(generation_metrics, a_retry_is_a_try_more_and_one_request) {
    backend.script = {failing(true), saying({"well"})};
    read(request());
    const std::string text = figures.text();
    EXPECT_THAT(text,
                HasSubstr("corral_request_tries_total{backend=\"tiny:latest\",model=\"tiny:latest\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("corral_request_retries_total{model=\"tiny:latest\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("outcome=\"stop\"} 1\n"));
}

TEST_F(generation_metrics, a_name_that_no_model_has_is_in_no_label) {
    auto what = request();
    what.model = "nobody\"}evil";
    read(what);
    const std::string text = figures.text();
    EXPECT_THAT(text, Not(HasSubstr("nobody")));
    EXPECT_THAT(text,
                HasSubstr("corral_requests_total{backend=\"\",model=\"\",outcome=\"model-not-found\"} 1\n"));
}

TEST_F(generation_metrics, how_long_a_runtime_works_on_for_nobody_is_told) {
    test::scripted_run waits = saying({"text"});
    waits.gate_after_text = true;
    backend.script.push_back(waits);
    {
        generation_handle handle = begin(request());
        test::reading got;
        ASSERT_TRUE(run_until(io, [&] {
            drain(handle, got);
            return !got.text.empty();
        }));
    }
    backend.open_gates();
    ASSERT_TRUE(run_until(io, [&] { return tasks.empty(); }));
    const std::string text = figures.text();
    EXPECT_THAT(text, HasSubstr("corral_request_cancel_idle_seconds_count{model=\"tiny:latest\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("outcome=\"cancelled\"} 1\n"));
}

}  // namespace
}  // namespace corral::generation
