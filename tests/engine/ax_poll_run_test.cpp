// Runs over the tap, with nothing wrong.
#include <string>
#include <vector>

#include "simulated.hpp"

namespace corral::engine {
namespace {

class ax_poll_run : public simulated {};

TEST_F(ax_poll_run, gives_the_whole_text_and_exact_counts) {
    start();
    const told got = ask("[[n=13]]");
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(13));
    EXPECT_EQ(got.outcome.end, run_end::stop);
    const json run = last_run();
    EXPECT_TRUE(got.outcome.progress.usage.exact);
    EXPECT_EQ(got.outcome.progress.usage.generated_tokens, 13U);
    EXPECT_EQ(got.outcome.progress.usage.prompt_tokens,
              run["P"].get<unsigned>() + run["diff_tokens"].get<unsigned>());
    EXPECT_TRUE(got.outcome.progress.prompt_accepted);
    EXPECT_GE(got.outcome.progress.first_text, got.outcome.progress.generate_accepted);
    EXPECT_GE(got.outcome.progress.generate_accepted, got.outcome.progress.reset_confirmed);
    expect_clean();
}

TEST_F(ax_poll_run, the_model_sees_exactly_the_prompt_of_each_request) {
    scenario["mode"] = "echo";
    start();
    for (int i = 0; i < 6; ++i) {
        const std::string mark = i % 2 == 0 ? "alpha" : "beta";
        const told got = ask(request("I am " + mark + std::to_string(i), "System " + mark));
        ASSERT_EQ(got.cause(), "");
        EXPECT_EQ(got.text, last_run()["kv_text"].get<std::string>());
        EXPECT_NE(got.text.find("I am " + mark + std::to_string(i)), std::string::npos);
        EXPECT_NE(got.text.find("System " + mark), std::string::npos);
        EXPECT_EQ(got.text.find(i % 2 == 0 ? "beta" : "alpha"), std::string::npos);
        EXPECT_FALSE(last_run().contains("last_reply_sent") &&
                     !last_run()["last_reply_sent"].get<std::string>().empty() &&
                     got.text.find(last_run()["last_reply_sent"].get<std::string>()) != std::string::npos);
    }
}

// It hands texts on as C strings.
TEST_F(ax_poll_run, a_prompt_reaches_the_runtime_without_zeros) {
    using namespace std::string_literals;
    scenario["mode"] = "echo";
    start();
    const told got = ask(request("be\0fore and behind"s, "Sys\0tem"s));
    ASSERT_EQ(got.cause(), "");
    EXPECT_NE(got.text.find("before and behind"), std::string::npos);
    EXPECT_NE(got.text.find("System"), std::string::npos);
}

core::awaitable<void> compare_count(backend* on, const core::clock_source* clock,
                                    const chat::rendered_prompt* prompt, std::uint32_t wanted,
                                    std::size_t* done) {
    const core::deadline soon = core::deadline::after(patience, clock->now());
    const auto got = co_await on->count_beside(*prompt, soon);
    EXPECT_TRUE(got) << got.error().message;
    if (got && got->exact) {
        EXPECT_EQ(got->system_tokens + got->turn_tokens, wanted);
    }
    ++*done;
}

// The tokenizer service does one thing at a time, and the answer that runs needs it for each piece.
TEST_F(ax_poll_run, a_prompt_is_counted_beside_a_run_as_in_its_turn) {
    start();
    std::vector<chat::rendered_prompt> prompts;
    std::vector<std::uint32_t> in_turn;
    for (const std::size_t length : {300UL, 5000UL, 20'000UL}) {
        for (const bool verbatim : {false, true}) {
            run_spec what = request(std::string(length, 'x') + " 1 2 3 \u4e16", verbatim ? "" : "Be brief.");
            what.prompt.verbatim = verbatim;
            prompts.push_back(what.prompt);
            const auto measured = run(made->measure(what.prompt, {}));
            ASSERT_TRUE(measured && *measured);
            in_turn.push_back((*measured)->system_tokens + (*measured)->turn_tokens);
        }
    }
    text_sink sink;
    run_control control(context.on);
    std::size_t counted = 0;
    std::size_t piece = 0;
    sink.on_piece = [&] {
        if (piece % 2 == 0 && piece / 2 < prompts.size()) {
            tasks.spawn("count",
                        compare_count(made.get(), &clock, &prompts[piece / 2], in_turn[piece / 2], &counted));
        }
        ++piece;
    };
    const told got = ask(request("[[n=60]]"), sink, control);
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(60));
    EXPECT_TRUE(run_until([&] { return counted == prompts.size(); }));
}

TEST_F(ax_poll_run, a_count_beside_a_run_outlives_a_tokenizer_that_dies_or_is_silent) {
    start();
    const chat::rendered_prompt prompt = request(std::string(5000, 'x')).prompt;
    const auto in_time = [&] { return core::deadline::after(milliseconds{700}, clock.now()); };
    fault("tokenizer", "hang", "once", {{"route", "/encode"}, {"ms", 1500}});
    const auto silent = run(made->count_beside(prompt, in_time()));
    ASSERT_TRUE(silent);
    EXPECT_FALSE(*silent);
    const pid_t old = tokenizer_pid();
    ::kill(old, SIGKILL);
    const auto dead = run(made->count_beside(prompt, in_time()));
    ASSERT_TRUE(dead);
    EXPECT_FALSE(*dead);
    ASSERT_TRUE(run_until([&] { return tokenizer_pid() > 0 && tokenizer_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    EXPECT_EQ(ask("[[text=well]]").text, "well");
}

TEST_F(ax_poll_run, limits_are_exact_to_the_token) {
    start();
    for (std::uint32_t limit = 1; limit <= 8; ++limit) {
        run_spec what = request("[[n=40]]");
        what.max_tokens = limit;
        const told got = ask(std::move(what));
        EXPECT_EQ(got.cause(), "");
        EXPECT_EQ(got.text, words(static_cast<int>(limit)));
        EXPECT_EQ(got.outcome.end, run_end::length);
        EXPECT_EQ(got.outcome.progress.usage.generated_tokens, limit);
        expect_clean();
    }
}

TEST_F(ax_poll_run, short_answers_are_whole) {
    start();
    for (int count = 1; count <= 7; ++count) {
        const told got = ask("[[n=" + std::to_string(count) + "]]");
        EXPECT_EQ(got.text, words(count));
        EXPECT_EQ(got.outcome.end, run_end::stop);
        EXPECT_EQ(got.outcome.progress.usage.generated_tokens, static_cast<unsigned>(count));
    }
}

TEST_F(ax_poll_run, pieces_that_cut_characters_are_repaired) {
    for (const char* family : {"qwen3", "plain"}) {
        scenario["tokenizer"] = {{"family", family}};
        start();
        const std::string text = "h\u00e9llo \u4e16\u754c \u0416\u0417 \U0001F600\U0001F601 end";
        const told got = ask("[[text=" + text + "]]");
        EXPECT_EQ(got.cause(), "");
        EXPECT_EQ(got.text, text) << family;
        EXPECT_EQ(run(made->stop(core::deadline::after(seconds{10}, clock.now()))), true);
        EXPECT_TRUE(run_until([this] { return tasks.size() == 0; }));
        made.reset();
    }
}

TEST_F(ax_poll_run, a_replacement_character_of_the_model_takes_no_text_along) {
    for (const char* family : {"qwen3", "qwen2.5", "plain"}) {
        scenario["tokenizer"] = {{"family", family}};
        start();
        for (const std::string text :
             {"a\uFFFDb", "abc\uFFFD", "\u00e9\uFFFD\u00e9", "x y z \uFFFD one two three",
              "The word is caf\uFFFD and the bill is 20 euro. Thanks."}) {
            const told got = ask("[[text=" + text + "]]");
            EXPECT_EQ(got.cause(), "") << family;
            EXPECT_EQ(got.text, text) << family;
            EXPECT_EQ(got.outcome.end, run_end::stop);
        }
        // Of a character that the limit cuts nothing is shown, as with Ollama.
        run_spec cut = request("[[text=ab\U0001F600\U0001F600]]");
        cut.max_tokens = 4;
        const told got = ask(std::move(cut));
        EXPECT_EQ(got.text, "ab") << family;
        EXPECT_EQ(got.outcome.end, run_end::length);
        EXPECT_EQ(run(made->stop(core::deadline::after(seconds{10}, clock.now()))), true);
        EXPECT_TRUE(run_until([this] { return tasks.size() == 0; }));
        made.reset();
    }
}

TEST_F(ax_poll_run, sampling_of_one_request_does_not_reach_the_next) {
    start();
    run_spec first = request("[[n=2]]");
    first.sampling.repeat_penalty = 1.5;
    first.sampling.temperature = 0.3;
    (void)ask(std::move(first));
    EXPECT_DOUBLE_EQ(last_run()["sampling"]["repetition_penalty"].get<double>(), 1.5);
    run_spec second = request("[[n=2]]");
    second.sampling.repeat_penalty = 1.0;
    second.sampling.top_p = 0.5;
    (void)ask(std::move(second));
    const json sampling = last_run()["sampling"];
    EXPECT_NEAR(sampling["repetition_penalty"].get<double>(), 1.0, 0.001);
    EXPECT_NEAR(sampling["temperature"].get<double>(), 0.8, 0.001);
    EXPECT_TRUE(sampling["enable_top_p_sampling"].get<bool>());
    EXPECT_FALSE(sampling["enable_top_k_sampling"].get<bool>());
}

TEST_F(ax_poll_run, an_answer_that_fills_the_context_says_so_and_loses_no_token) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    EXPECT_EQ(made->facts().context_length, 256U);
    const told got = ask("[[never_end]]");
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.outcome.end, run_end::length);
    const json run = last_run();
    EXPECT_EQ(run["ended_by"], "context_end");
    EXPECT_EQ(got.outcome.progress.usage.generated_tokens, run["output_tokens"].get<unsigned>());
    EXPECT_EQ(got.text, run["output"].get<std::string>());
}

// What the box does for itself makes way for the request whose tokens are counted, and not only for its run.
TEST_F(ax_poll_run, a_prompt_that_is_measured_is_work_of_the_box) {
    start();
    const std::uint64_t before = context.activity->begun();
    const run_spec what = request("Hi");
    ASSERT_TRUE(run(made->measure(what.prompt, what.until)));
    EXPECT_EQ(context.activity->begun(), before + 1);
}

TEST_F(ax_poll_run, an_answer_whose_end_is_met_at_the_last_position_is_whole) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    const unsigned prompt = ask("[[n=222]]").outcome.progress.usage.prompt_tokens;
    const told got = ask("[[n=" + std::to_string(256 - prompt) + "]]");
    ASSERT_EQ(got.outcome.progress.usage.prompt_tokens, prompt);
    EXPECT_EQ(last_run()["ended_by"], "eos");
    EXPECT_EQ(got.outcome.end, run_end::stop);
}

TEST_F(ax_poll_run, measures_without_asking_where_the_length_leaves_no_doubt) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    const json before = control_of("tokenizer", {{"cmd", "state"}});
    chat::rendered_prompt prompt;
    prompt.system = "Be brief.";
    prompt.turns = "Hi";
    const core::deadline until = core::deadline::after(seconds{10}, clock.now());
    auto small = run(made->measure(prompt, until));
    ASSERT_TRUE(small && *small);
    EXPECT_TRUE((*small)->fits);
    EXPECT_EQ(control_of("tokenizer", {{"cmd", "state"}})["requests"], before["requests"]);

    prompt.turns = std::string(400, 'x');
    auto large = run(made->measure(prompt, until));
    ASSERT_TRUE(large && *large);
    EXPECT_TRUE((*large)->exact);
    EXPECT_FALSE((*large)->fits);
    EXPECT_GT((*large)->limit, (*large)->system_tokens);
    const told refused = ask(request(prompt.turns));
    EXPECT_EQ(refused.cause(), "context-full");
    EXPECT_EQ(refused.outcome.failure->kind, chat::failure_kind::context_too_long);
    EXPECT_FALSE(refused.outcome.failure->retryable);
    EXPECT_EQ(ask("[[n=5]]").text, words(5));
}

// The request's own deadline is far away, and nobody else runs meanwhile.
TEST_F(ax_poll_run, a_tokenizer_that_is_silent_when_asked_for_a_measure_is_restarted) {
    entry.runtime.clocks.reset = seconds{3};
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    const pid_t old = tokenizer_pid();
    fault("tokenizer", "hang", "once", {{"route", "/reset"}});
    chat::rendered_prompt prompt;
    prompt.system = "Be brief.";
    prompt.turns = std::string(400, 'x');
    const core::deadline far = core::deadline::after(std::chrono::minutes{30}, clock.now());
    const auto silent = run(made->measure(prompt, far));
    ASSERT_TRUE(silent);
    ASSERT_FALSE(*silent);
    EXPECT_EQ(silent->error().message, "The tokenizer service did not answer in time.");
    ASSERT_TRUE(run_until([this, old] { return tokenizer_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    const auto measured = run(made->measure(prompt, far));
    ASSERT_TRUE(measured && *measured);
    EXPECT_TRUE((*measured)->exact);
}

TEST_F(ax_poll_run, measure_agrees_with_the_runtime_to_the_token) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    chat::rendered_prompt prompt;
    prompt.system = "Be brief.";
    for (std::size_t size = 40; size < 110; size += 3) {
        prompt.turns = std::string(size, 'q');
        auto measured = run(made->measure(prompt, core::deadline::after(seconds{10}, clock.now())));
        ASSERT_TRUE(measured && *measured);
        run_spec what = request(prompt.turns, prompt.system);
        what.max_tokens = 1;
        const told got = ask(std::move(what));
        EXPECT_EQ((*measured)->fits, got.cause() != "context-full") << size;
    }
}

TEST_F(ax_poll_run, no_poll_when_nothing_runs_and_few_when_something_does) {
    scenario["timing"]["tokens_per_second"] = 50;
    start();
    const told warm = ask("[[n=3]]");
    EXPECT_EQ(warm.text, words(3));
    const auto before = state()["polls"].get<int>();
    (void)run_until([] { return false; }, milliseconds{400});
    EXPECT_EQ(state()["polls"].get<int>(), before);
    text_sink sink;
    run_control control(context.on);
    const auto at_start = state()["polls"].get<int>();
    const told got = ask(request("[[n=60]]"), sink, control);
    EXPECT_EQ(got.text, words(60));
    EXPECT_EQ(sink.pieces, 20);
    EXPECT_LT(state()["polls"].get<int>() - at_start, 20 * 3 + 40);
}

}  // namespace
}  // namespace corral::engine
