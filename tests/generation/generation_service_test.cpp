#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "corral/core/say.hpp"
#include "generation_driver.hpp"

namespace corral::generation {
namespace {

class generation_service_test : public test::generation_test {};

using chat::failure_kind;
using chat::finish_reason;
using test::reading;

TEST_F(generation_service_test, gives_the_text_and_one_end) {
    backend.script.push_back(saying({"Hel", "lo"}));
    const reading got = read(request());
    EXPECT_EQ(got.text, "Hello");
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, finish_reason::stop);
    EXPECT_EQ(got.finished->usage.prompt_tokens, 7U);
    EXPECT_EQ(got.finished->usage.generated_tokens, 2U);
    EXPECT_GT(got.finished->timings.total.count(), 0);
    EXPECT_TRUE(task_errors.empty());
}

TEST_F(generation_service_test, completes_sampling_from_the_manifest) {
    backend.entry.sampling.temperature = 0.6;
    backend.entry.sampling.top_k = 20;
    auto what = request();
    what.sampling.temperature = 0.1;
    what.limits.num_predict = 12;
    read(what);
    ASSERT_EQ(backend.seen.size(), 1U);
    EXPECT_EQ(backend.seen[0].sampling.temperature, 0.1);
    EXPECT_EQ(backend.seen[0].sampling.top_k, 20);
    EXPECT_EQ(backend.seen[0].sampling.repeat_penalty, 1.0);
    EXPECT_EQ(backend.seen[0].max_tokens, 12U);
}

TEST_F(generation_service_test, negative_num_predict_means_until_the_end) {
    auto what = request();
    what.limits.num_predict = -1;
    read(what);
    EXPECT_EQ(backend.seen.at(0).max_tokens, std::nullopt);
}

TEST_F(generation_service_test, num_predict_zero_means_until_the_end) {
    auto what = request();
    what.limits.num_predict = 0;
    const reading got = read(what);
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, finish_reason::stop);
    EXPECT_EQ(backend.seen.at(0).max_tokens, std::nullopt);
}

TEST_F(generation_service_test, tells_length) {
    backend.script.push_back(saying({"cut"}, engine::run_end::length));
    const reading got = read(request());
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, finish_reason::length);
}

TEST_F(generation_service_test, a_stop_string_ends_the_answer_at_once_and_stops_the_runtime) {
    test::scripted_run run = saying({"one ST", "OP two"});
    run.gate_after_text = true;
    run.gate_before_return = true;
    backend.script.push_back(run);
    auto what = request();
    what.limits.stops = {"", "STOP"};
    generation_handle handle = begin(what);
    reading got;
    // The end is there while the runtime is still being drained.
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(backend.running, 1);
    EXPECT_EQ(got.text, "one ");
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, finish_reason::stop);
    EXPECT_TRUE(test::run_until(io, [&] { return backend.cancelled == 1; }));
    backend.open_gates();
    EXPECT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    drain(handle, got);
    EXPECT_EQ(got.ends, 1);
}

TEST_F(generation_service_test, the_end_is_told_before_the_runtime_is_drained) {
    test::scripted_run run = saying({"done"});
    run.tells_end_early = true;
    run.gate_before_return = true;
    backend.script.push_back(run);
    generation_handle handle = begin(request());
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(backend.running, 1);
    EXPECT_EQ(admission->snapshot().running, 1U);
}

TEST_F(generation_service_test, unknown_models_and_raw_prompts_are_refused) {
    auto what = request();
    what.model = "other";
    EXPECT_EQ(read(what).failed->kind, failure_kind::model_not_found);
    what = request();
    what.raw_prompt = "raw";
    EXPECT_EQ(read(what).failed->kind, failure_kind::unsupported);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_service_test, a_conversation_that_ends_in_an_assistant_turn_is_refused_without_a_run) {
    auto what = request();
    chat::message last;
    last.from = chat::role::assistant;
    last.content = "To be continued";
    what.messages.push_back(last);
    const reading got = read(what);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::bad_request);
    EXPECT_FALSE(got.failed->message.empty());
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_service_test, runs_again_when_nothing_was_sent) {
    backend.script = {failing(true), failing(true), saying({"third"})};
    const reading got = read(request());
    EXPECT_EQ(got.text, "third");
    EXPECT_TRUE(got.finished);
    EXPECT_EQ(backend.seen.size(), 3U);
    EXPECT_EQ(backend.most_running, 1);
}

TEST_F(generation_service_test, a_model_that_is_to_go_afterwards_stays_between_two_runs) {
    backend.script = {failing(true), saying({"Hello"})};
    chat::generation_request what = request();
    what.keep_alive = core::nanoseconds{0};
    EXPECT_EQ(read(std::move(what)).text, "Hello");
    EXPECT_TRUE(test::run_until(io, [&] { return backend.stops == 1; }));
    EXPECT_EQ(backend.starts, 0);
}

TEST_F(generation_service_test, tries_are_bounded) {
    backend.otherwise = failing(true);
    const reading got = read(request());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->message.id(), "request.runtime-died");
    EXPECT_EQ(backend.seen.size(), 3U);
}

TEST_F(generation_service_test, does_not_run_again_what_is_not_retryable) {
    backend.otherwise = failing(false);
    EXPECT_EQ(
        read(request()).failed->message,
        "The model's program stopped while it worked on this answer. Corral starts it again by itself; ask "
        "again in about a minute.");
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_service_test, a_retry_waits_for_the_restart_and_goes_before_newer_requests_of_its_client) {
    test::scripted_run dies = failing(true);
    dies.gate_before_text = true;
    dies.state_after = engine::availability_state::loading;
    backend.script = {dies, saying({"first"}), saying({"second"})};
    generation_handle first = begin(request("one"));
    test::settle(io);
    generation_handle second = begin(request("two"));
    test::settle(io);
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return backend.finished == 1; }));
    test::settle(io);
    EXPECT_EQ(backend.seen.size(), 1U);
    backend.set(engine::availability_state::ready);
    reading one;
    reading two;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(first, one);
        drain(second, two);
        return one.over() && two.over();
    }));
    EXPECT_EQ(one.text, "first");
    EXPECT_EQ(two.text, "second");
}

TEST_F(generation_service_test, a_failure_after_text_ends_the_answer) {
    test::scripted_run dies = failing(true);
    dies.pieces = {"half an ans"};
    backend.script = {dies};
    const reading got = read(request());
    EXPECT_EQ(got.text, "half an ans");
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->message.id(), "request.runtime-died");
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_service_test, a_whole_answer_that_broke_in_the_middle_is_made_again) {
    test::scripted_run dies = failing(true, true);
    dies.pieces = {"half an ans"};
    backend.script = {dies, saying({"all ", "of it"})};
    const reading got = read_whole(request());
    EXPECT_EQ(got.text, "all of it");
    EXPECT_TRUE(got.finished);
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_service_test, the_deadline_ends_the_wait) {
    backend.set(engine::availability_state::loading);
    auto what = request();
    what.until = core::deadline::after(core::milliseconds{20}, clock.now());
    EXPECT_EQ(read(what).failed->kind, failure_kind::timed_out);
}

TEST_F(generation_service_test, no_retry_after_the_deadline) {
    test::scripted_run dies = failing(true);
    dies.gate_before_text = true;
    backend.otherwise = dies;
    auto what = request();
    what.until = core::deadline::after(core::milliseconds{30}, clock.now());
    generation_handle handle = begin(what);
    ASSERT_TRUE(test::run_until(io, [&] { return what.until.passed(clock.now()); }));
    backend.open_gates();
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_service_test, a_deadline_that_passes_while_the_prompt_is_counted_blames_no_tokenizer) {
    backend.measures_too_long = true;
    backend.measure_failures = {
        core::make_failure(core::errc::timed_out, core::reason::unlisted("no answer from /encode"))};
    auto what = request();
    what.until = core::deadline::after(core::milliseconds{30}, clock.now());
    const reading got = read(what);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->message.id(), "request.took-too-long");
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_service_test, a_broken_backend_fails_and_keeps_its_reason_for_the_operator) {
    backend.set(engine::availability_state::broken, "layer 3 is missing");
    const reading got = read(request());
    EXPECT_EQ(got.failed->kind, failure_kind::unavailable);
    EXPECT_EQ(got.failed->message,
              "The model does not start. Corral tries again by itself; ask again in about a minute. "
              "'corral status' tells its operator why.");
}

// Clocks, statuses and reasons of reasons are the operator's.
TEST_F(generation_service_test, a_client_is_told_what_happened_what_is_done_and_when_to_ask_again) {
    engine::run_failure hung;
    hung.kind = failure_kind::runtime_failed;
    hung.message =
        core::say("runtime.hung/runtime-stopped", " No text came for 12.0 s; the ", "stood at 6.1 s");
    backend.otherwise = saying({"half"});
    backend.otherwise.end = engine::run_end::failed;
    backend.otherwise.failure = hung;
    EXPECT_EQ(read(request()).failed->message,
              "The model's program hung in the middle of this answer. Corral starts it again by itself; ask "
              "again in about a minute.");
    backend.set_load(core::milliseconds(1700));
    EXPECT_EQ(read(request()).failed->message,
              "The model's program hung in the middle of this answer. Corral starts it again by itself; ask "
              "again in 2 seconds.");
    backend.set_load(core::seconds(150), clock.now() + core::seconds(60));
    EXPECT_EQ(read(request()).failed->message,
              "The model's program hung in the middle of this answer. Corral starts it again by itself; ask "
              "again in about 4 minutes.");
}

TEST_F(generation_service_test, an_answer_cut_by_a_persons_stop_or_restart_says_so) {
    test::scripted_run cut = failing(true);
    cut.pieces = {"half"};
    cut.failure->message = core::say("request.restarted/found", "it ended");
    backend.script = {cut};
    EXPECT_EQ(
        read(request()).failed->message,
        "The model was restarted by its operator while it worked on this answer. Corral starts it again "
        "by itself; ask again in about a minute.");
    cut.failure->message = core::say("request.runtime-died/found", "it ended");
    cut.gate_before_return = true;
    backend.script = {cut};
    generation_handle handle = begin(request());
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return backend.running == 1;
    }));
    admission->suspend("tiny:latest", false);
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(name_of(*got.failed), "model-stopped");
    EXPECT_EQ(got.failed->message, scheduler::suspension_text("tiny:latest"));
}

TEST_F(generation_service_test, counts_a_prompt_as_the_runtime_does_and_runs_nothing) {
    auto what = request();
    what.arrived = clock.now();
    auto named = models.find(what.model);
    std::optional<generation_service::count_result> got;
    boost::asio::co_spawn(
        io, [&]() -> core::awaitable<void> { got = co_await generations->count(what, named); },
        boost::asio::detached);
    ASSERT_TRUE(test::run_until(io, [&] { return got.has_value(); }));
    ASSERT_TRUE(*got);
    EXPECT_GT(**got, 0U);
    EXPECT_EQ(backend.measures, 1);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_service_test, a_conversation_far_beyond_the_context_is_estimated_and_nobody_is_asked) {
    backend.context = 100;
    auto what = request();
    what.arrived = clock.now();
    what.messages.assign(40, what.messages.front());
    for (chat::message& each : what.messages) {
        each.content = std::string(1000, 'x');
    }
    auto named = models.find(what.model);
    std::optional<generation_service::count_result> got;
    boost::asio::co_spawn(
        io, [&]() -> core::awaitable<void> { got = co_await generations->count(what, named); },
        boost::asio::detached);
    ASSERT_TRUE(test::run_until(io, [&] { return got.has_value(); }));
    ASSERT_TRUE(*got);
    EXPECT_GE(**got, 10'000U);
    EXPECT_EQ(backend.measures, 0);
}

TEST_F(generation_service_test, a_failed_measure_is_tried_again) {
    backend.measure_failures = {
        core::make_failure(core::errc::unavailable, core::reason::unlisted("the tokenizer is away"))};
    EXPECT_EQ(read(request()).text, "Hello");
    backend.measure_failures.assign(
        5, core::make_failure(core::errc::protocol, core::reason::unlisted("the tokenizer talks nonsense")));
    EXPECT_EQ(read(request()).failed->message,
              "The model's tokenizer does not answer. Corral starts it again by itself; ask again in about a "
              "minute.");
}

TEST_F(generation_service_test, a_slow_reader_does_not_hold_the_lease) {
    std::vector<std::string> pieces(2000, "word ");
    backend.script = {saying(pieces), saying({"next"})};
    generation_handle slow = begin(request("slow"));
    const reading next = read(request("next"));
    EXPECT_EQ(next.text, "next");
    reading late;
    drain(slow, late);
    EXPECT_EQ(late.text.size(), 2000U * 5);
    EXPECT_EQ(late.ends, 1);
    EXPECT_TRUE(late.finished);
}

TEST_F(generation_service_test, what_waits_for_a_reader_is_bounded) {
    backend.script = {saying(std::vector<std::string>(3000, std::string(1024, 'x')))};
    generation_handle slow = begin(request());
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    drain(slow, got);
    EXPECT_EQ(got.ends, 1);
    ASSERT_TRUE(got.failed);
    EXPECT_LT(got.text.size(), 2U * 1024 * 1024);
    EXPECT_EQ(backend.cancelled, 1);
}

// Told for ever by a runtime, and no text with them.
TEST_F(generation_service_test, logprobs_without_end_are_bounded_and_the_client_is_told) {
    test::scripted_run lies = saying({"Hi"});
    lies.logprobs.assign(1000, {{"x", -1.0}, {20, {std::string(40, 'y'), -2.0}}});
    lies.logprobs_told = 12;
    ASSERT_GT(chat::size_of(lies.logprobs), 1024U * 1024) << "ten of them are too many";
    for (const bool stream : {true, false}) {
        backend.script = {lies};
        auto what = request();
        what.top_logprobs = 20;
        const reading got = stream ? read(what) : read_whole(what);
        ASSERT_TRUE(got.failed);
        EXPECT_EQ(name_of(*got.failed), "answer-too-long");
        EXPECT_FALSE(got.failed->message.empty());
        EXPECT_EQ(got.order, "x");
    }
    backend.script = {lies};
    EXPECT_EQ(read(request()).text, "Hi") << "nobody asked for them";
    EXPECT_EQ(backend.cancelled, 2);
}

TEST_F(generation_service_test, separates_thinking_when_the_model_thinks) {
    backend.entry.family = "qwen3";
    backend.script = {saying({"<think>\nhm", "m\n</think>\n\nYes"})};
    auto what = request();
    what.thinking = chat::thinking_mode::on;
    const reading got = read(what);
    EXPECT_EQ(got.text, "Yes");
    EXPECT_NE(got.thinking.find("hmm"), std::string::npos);
}

TEST_F(generation_service_test, thinking_that_the_template_opened_is_apart_and_dropped_when_unwanted) {
    backend.entry.family = "deepseek-r1";
    backend.script = {saying({"hm", "m\n</think>\n\nYes"}), saying({"hm", "m\n</think>\n\nYes"})};
    auto what = request();
    what.thinking = chat::thinking_mode::on;
    const reading wanted = read(what);
    EXPECT_EQ(wanted.text, "Yes");
    EXPECT_EQ(wanted.thinking, "hmm");
    what.thinking = chat::thinking_mode::off;
    const reading unwanted = read(what);
    EXPECT_EQ(unwanted.text, "Yes");
    EXPECT_EQ(unwanted.thinking, "");
}

}  // namespace
}  // namespace corral::generation
