#include <gmock/gmock.h>

#include "corral/telemetry/metrics.hpp"
#include "corral/telemetry/run_journal.hpp"
#include "generation_driver.hpp"

namespace corral::generation {
namespace {

using test::run_until;
using testing::HasSubstr;
using testing::Not;

class generation_journal : public test::generation_test {
protected:
    generation_journal() {
        generation_options options;
        options.journal = &journal;
        build(options);
    }

    telemetry::run_journal journal;
};

TEST_F(generation_journal, knows_the_shape_of_a_request_and_how_it_went) {
    backend.script.push_back(saying({"Hel", "lo"}));
    auto what = request("four words of prompt");
    what.sampling.temperature = 0.5;
    what.limits.num_predict = 12;
    what.limits.stops = {"one", "two"};
    read(what);
    ASSERT_EQ(journal.finished().size(), 1U);
    const telemetry::run_record& seen = journal.finished().front();
    EXPECT_EQ(seen.id, "r1");
    EXPECT_EQ(seen.model, "tiny:latest");
    EXPECT_EQ(seen.outcome, "stop");
    EXPECT_EQ(seen.messages, 1U);
    EXPECT_GE(seen.prompt_bytes, std::string("four words of prompt").size());
    EXPECT_EQ(seen.temperature, 0.5);
    EXPECT_EQ(seen.top_k, 40) << "the model's own, for the request left it out";
    EXPECT_EQ(seen.max_tokens, 12U);
    EXPECT_EQ(seen.stops, 2U);
    EXPECT_EQ(seen.pieces, 2U);
    EXPECT_EQ(seen.gaps.all().size(), 1U);
    EXPECT_EQ(seen.prompt_tokens, 7U);
    EXPECT_EQ(seen.generated_tokens, 2U);
    EXPECT_EQ(seen.tries, 1U);
    EXPECT_TRUE(journal.running(clock.now()).empty());
}

TEST_F(generation_journal, tells_what_a_run_found_computed) {
    test::scripted_run held = saying({"text"});
    held.cached_tokens = 5;
    held.start = "continued";
    backend.script.push_back(held);
    read(request());
    EXPECT_EQ(journal.finished().back().cached_tokens, 5U);
    EXPECT_EQ(journal.finished().back().start, "continued");
}

TEST_F(generation_journal, shows_what_runs_while_it_runs) {
    test::scripted_run waits = saying({"text"});
    waits.gate_after_text = true;
    backend.script.push_back(waits);
    generation_handle handle = begin(request());
    test::reading got;
    ASSERT_TRUE(run_until(io, [&] {
        const auto now = journal.running(clock.now());
        return now.size() == 1 && now[0].pieces == 1;
    }));
    EXPECT_TRUE(journal.running(clock.now())[0].silent_for);
    EXPECT_EQ(journal.running(clock.now())[0].outcome, "");
    backend.open_gates();
    ASSERT_TRUE(run_until(io, [&] {
        drain(handle, got);
        return got.over() && tasks.empty();
    }));
    EXPECT_TRUE(journal.running(clock.now()).empty());
    EXPECT_EQ(journal.finished().size(), 1U);
}

TEST_F(generation_journal, a_request_that_ran_again_is_one_record) {
    backend.script = {failing(true), saying({"well"})};
    read(request());
    ASSERT_EQ(journal.finished().size(), 1U);
    EXPECT_EQ(journal.finished().front().tries, 2U);
}

TEST_F(generation_journal, one_that_never_had_its_turn_is_none) {
    auto what = request();
    what.model = "nobody";
    read(what);
    EXPECT_TRUE(journal.finished().empty());
}

TEST_F(generation_journal, a_poisonous_request_is_told_what_it_did) {
    backend.otherwise = failing(true, true);
    const test::reading got = read(request());
    ASSERT_TRUE(got.failed);
    EXPECT_TRUE(got.failed->message.text().starts_with(
        "the model's program stopped 2 times while it worked on this request"))
        << got.failed->message;
    EXPECT_EQ(journal.finished().front().outcome, "poisonous");
}

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
