// Turns that go on behind what the runtime holds. In echo mode an answer is the text of all rows that the model read, so
// a wrong idea of the cache is a wrong text.
#include <csignal>

#include <string>

#include "simulated.hpp"
#include "vocabulary.hpp"

namespace corral::engine {
namespace {

class ax_poll_reuse : public simulated {
protected:
    ax_poll_reuse() {
        entry.family = "qwen2.5";
        entry.reuse = catalog::reuse_policy::automatic;
        entry.runtime.clocks.compare_after = milliseconds{50};
    }

    // The box has compared its cache with a computation anew.
    void start(const std::string& package_options = "") {
        simulated::start(package_options);
        ASSERT_TRUE(run_until([this] { return made->report().reuse.state == "on"; }))
            << made->report().reuse.why;
    }
    [[nodiscard]] run_spec turn(const std::string& text, const std::string& owner = "ann") const {
        run_spec out = request(text, "");
        out.prompt.verbatim = true;
        out.owner = owner;
        return out;
    }
    static std::string begin(const std::string& question) {
        return "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n";
    }
    // A conversation with its last answer, and a new question.
    static std::string further(const std::string& said, const std::string& question) {
        return said + "<|im_end|>\n" + begin(question);
    }
    // The model read exactly the ids of this text, however they came into the cache.
    void expect_read(const told& got, const std::string& text) {
        ASSERT_EQ(got.cause(), "") << text;
        const json run = last_run();
        EXPECT_EQ(run["kv_text"], text);
        EXPECT_EQ(got.outcome.progress.usage.prompt_tokens, run["kv_ids"].size());
        expect_clean();
    }
    // Ids that were prefilled for the last run, in reset and encode together.
    [[nodiscard]] std::size_t computed() {
        const json run = last_run();
        return run["kv_ids"].size() - run["P"].get<std::size_t>();
    }
    void expect_start(const told& got, std::string_view how) {
        EXPECT_EQ(got.outcome.progress.start, how);
        EXPECT_EQ(got.outcome.progress.usage.cached_tokens > 0, how == "continued");
    }
};

TEST_F(ax_poll_reuse, a_conversation_pays_for_its_new_words_only) {
    start();
    std::string said;
    for (int i = 1; i <= 8; ++i) {
        const std::string question = "[[n=" + std::to_string(i + 2) + "]] and so on";
        const std::string text = i == 1 ? begin(question) : further(said, question);
        const std::size_t held = made->held_bytes(turn(text).prompt, "ann");
        const told got = ask(turn(text));
        expect_read(got, text);
        EXPECT_EQ(got.text, words(i + 2));
        EXPECT_EQ(held, said.size());
        if (i == 1) {
            EXPECT_EQ(got.outcome.progress.usage.cached_tokens, 0U);
        } else {
            expect_start(got, "continued");
            EXPECT_LT(computed(), 60U) << i;
            EXPECT_EQ(last_run()["P"], got.outcome.progress.usage.cached_tokens);
        }
        said = text + got.text;
    }
    EXPECT_EQ(made->report().reuse.continued, 7U);
    EXPECT_EQ(made->report().reuse.mistaken, 0U);
}

TEST_F(ax_poll_reuse, an_empty_reset_computes_nothing_and_the_prompt_goes_whole) {
    start();
    const std::string text = begin("[[n=3]]");
    expect_read(ask(turn(text)), text);
    EXPECT_EQ(last_run()["P"], 0);
    EXPECT_EQ(last_run()["diff_tokens"], last_run()["kv_ids"].size());
}

TEST_F(ax_poll_reuse, what_does_not_begin_with_the_cache_is_computed_anew) {
    start();
    const std::string first = begin("[[n=7]] first");
    const told one = ask(turn(first));
    expect_read(one, first);
    const std::string again = first;  // regenerated
    expect_start(ask(turn(again)), "differs");
    const std::string edited = further(begin("[[n=7]] edited") + one.text, "[[n=4]]");
    const told two = ask(turn(edited));
    expect_read(two, edited);
    expect_start(two, "differs");
    const std::string trimmed = further(edited + two.text.substr(1), "[[n=4]]");
    const told three = ask(turn(trimmed));
    expect_read(three, trimmed);
    expect_start(three, "differs");
    const std::string on = further(trimmed + three.text, "[[n=5]]");
    const told four = ask(turn(on));
    expect_read(four, on);
    expect_start(four, "continued");
}

TEST_F(ax_poll_reuse, nobody_goes_on_behind_the_prompt_of_another_key) {
    start();
    const std::string first = begin("[[n=7]] of ann");
    const std::string second = further(first + ask(turn(first)).text, "[[n=4]]");
    EXPECT_EQ(made->held_bytes(turn(second).prompt, "bob"), 0U);
    const told bob = ask(turn(second, "bob"));
    expect_read(bob, second);
    expect_start(bob, "owner");
    const std::string third = further(second + bob.text, "[[n=4]]");
    expect_start(ask(turn(third, "")), "owner");
}

TEST_F(ax_poll_reuse, goes_on_across_keys_where_the_model_allows_it) {
    entry.reuse_across_keys = true;
    start();
    const std::string first = begin("[[n=7]] of ann");
    const std::string second = further(first + ask(turn(first)).text, "[[n=4]]");
    const told bob = ask(turn(second, "bob"));
    expect_read(bob, second);
    expect_start(bob, "continued");
}

TEST_F(ax_poll_reuse, a_limit_stops_the_run_without_harm_to_the_cache) {
    start();
    for (unsigned limit = 1; limit <= 9; ++limit) {
        const std::string first = begin("[[n=40]] limited to " + std::to_string(limit));
        run_spec what = turn(first);
        what.max_tokens = limit;
        const told one = ask(std::move(what));
        EXPECT_EQ(one.outcome.end, run_end::length);
        EXPECT_EQ(one.text, words(static_cast<int>(limit)));
        const std::string second = further(first + one.text, "[[n=4]]");
        const told two = ask(turn(second));
        expect_read(two, second);
        // With one token of a piece wanted, another one is read beyond it.
        expect_start(two, limit % 3 == 1 ? "differs" : "continued");
        EXPECT_EQ(two.text, words(4));
    }
    EXPECT_EQ(made->report().reuse.mistaken, 0U);
}

TEST_F(ax_poll_reuse, a_client_that_leaves_between_pieces_leaves_a_cache_that_is_known) {
    start();
    const std::string first = begin("[[n=60]] left");
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [&control] { control.cancel(); };
    EXPECT_EQ(ask(turn(first), sink, control).outcome.end, run_end::cancelled);
    EXPECT_EQ(last_run()["ended_by"], "stop");
    const auto made_tokens = last_run()["output_tokens"].get<int>();
    EXPECT_EQ(made_tokens % 3, 0);
    // The ids of what was said are all but the last of the run's.
    const std::string second = further(first + words(made_tokens), "[[n=4]]");
    const told two = ask(turn(second));
    expect_read(two, second);
    EXPECT_EQ(two.text, words(4));
}

TEST_F(ax_poll_reuse, a_client_that_leaves_during_a_further_prefill_takes_the_cache_back) {
    scenario["timing"]["prefill_ms_per_chunk"] = 300;
    start("--chunk 32 --groups 32,64,128,256,512 --max-token-len 600");
    const std::string first = begin("[[n=5]]");
    const std::string said = first + ask(turn(first)).text;
    const std::string left = further(said, "[[n=5]] " + std::string(90, 'q'));
    text_sink sink;
    run_control control(context.on);
    boost::asio::steady_timer timer(io);
    std::function<void()> watch = [&] {
        timer.expires_after(milliseconds{20});
        timer.async_wait([&](boost::system::error_code error) {
            if (error) {
                return;
            }
            if (state()["phase"] == "prefill") {
                control.cancel();
            } else {
                watch();
            }
        });
    };
    watch();
    const told gone = ask(turn(left), sink, control);
    EXPECT_EQ(gone.outcome.end, run_end::cancelled);
    EXPECT_EQ(last_run()["ended_by"], "stop_prefill");
    const std::string second = further(said, "[[n=4]]");
    const told two = ask(turn(second));
    expect_read(two, second);
    expect_start(two, "continued");
}

TEST_F(ax_poll_reuse, a_wrong_ledger_is_found_by_the_line_of_the_run) {
    start();
    const std::string first = begin("[[n=6]] of somebody");
    const std::string said = first + ask(turn(first)).text;
    // The cache loses a row that Corral counts.
    fault("runtime", "lost_row", "once");
    const std::string second = further(said, "[[n=4]]");
    const told two = ask(turn(second));
    expect_read(two, second);
    EXPECT_EQ(two.text, words(4));
    expect_start(two, "unknown");
    EXPECT_EQ(made->report().reuse.mistaken, 1U);
}

TEST_F(ax_poll_reuse, a_foreign_prompt_between_two_turns_makes_it_unknown) {
    start();
    const std::string first = begin("[[n=6]]");
    const std::string said = first + ask(turn(first)).text;
    const int port = state()["port"].get<int>();
    const std::string url = "http://127.0.0.1:" + std::to_string(port);
    (void)run_program("curl -s -d '{\"prompt\":\"Hi\"}' " + url + "/api/generate");
    ASSERT_TRUE(run_until([this] { return !state()["running"].get<bool>(); }));
    const std::string second = further(said, "[[n=4]]");
    const told two = ask(turn(second));
    expect_read(two, second);
    expect_start(two, "unknown");
}

TEST_F(ax_poll_reuse, a_new_process_holds_nothing) {
    start();
    const std::string first = begin("[[n=6]]");
    const std::string said = first + ask(turn(first)).text;
    const pid_t old = runtime_pid();
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(run_until([this, old] { return runtime_pid() > 0 && runtime_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    const std::string second = further(said, "[[n=4]]");
    EXPECT_EQ(made->held_bytes(turn(second).prompt, "ann"), 0U);
    const told two = ask(turn(second));
    expect_read(two, second);
    EXPECT_EQ(two.outcome.progress.usage.cached_tokens, 0U);
}

TEST_F(ax_poll_reuse, prompts_up_to_the_largest_group_fit_and_no_more) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    for (const std::size_t size : {2U, 31U, 33U, 97U, 127U, 128U, 129U, 300U}) {
        run_spec what = turn(std::string(size, 'q'));
        what.max_tokens = 1;
        const told ran = ask(std::move(what));
        EXPECT_EQ(ran.cause(), size <= 128 ? "" : "context-full") << size;
    }
    EXPECT_EQ(status(1).starts, 1U);
}

// With a system prompt of its own in the reset, whole chunks are left for the turns.
TEST_F(ax_poll_reuse, a_wrapped_prompt_may_have_all_that_an_empty_reset_takes) {
    scenario["tokenizer"] = {{"family", "qwen2.5"}};
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    std::uint32_t longest = 0;
    for (std::size_t size = 70; size <= 130; size += 4) {
        run_spec what = request(std::string(size, 'q'), "A system prompt.");
        what.prompt.count_exactly = true;
        what.max_tokens = 1;
        const auto measured = run(made->measure(what.prompt, what.until));
        ASSERT_TRUE(measured && *measured);
        const prompt_measure& got = **measured;
        const std::uint32_t tokens = got.system_tokens + got.turn_tokens;
        EXPECT_EQ(got.limit, 128U);
        EXPECT_EQ(got.fits, tokens <= 128) << tokens;
        longest = got.fits ? tokens : longest;
        EXPECT_EQ(ask(std::move(what)).cause(), got.fits ? "" : "context-full") << tokens;
    }
    EXPECT_GT(longest, 124U);
}

TEST_F(ax_poll_reuse, a_wrapped_prompt_goes_on_behind_a_verbatim_one_that_it_begins_with) {
    scenario["tokenizer"] = {{"family", "qwen2.5"}};
    start();
    const std::string system = "<|im_start|>system\nA system prompt.<|im_end|>\n";
    const std::string first = system + begin("[[n=6]] first");
    const told one = ask(turn(first));
    expect_read(one, first);
    run_spec what = request("[[n=6]] first<|im_end|>\n<|im_start|>assistant\n" + one.text +
                                "<|im_end|>\n<|im_start|>user\n[[n=3]] wrapped",
                            "A system prompt.");
    what.owner = "ann";
    const told wrapped = ask(std::move(what));
    expect_read(wrapped, further(first + one.text, "[[n=3]] wrapped"));
    expect_start(wrapped, "continued");
}

TEST_F(ax_poll_reuse, a_wrapped_conversation_is_known_by_its_text_behind_a_new_tokenizer_too) {
    scenario["tokenizer"] = {{"family", "qwen2.5"}};
    start();
    const pid_t old = tokenizer_pid();
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(run_until([this, old] { return tokenizer_pid() > 0 && tokenizer_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    const std::string said = ask("[[n=6]]").text;
    const run_spec next = request("[[n=6]]<|im_end|>\n<|im_start|>assistant\n" + said +
                                  "<|im_end|>\n<|im_start|>user\n[[n=3]]");
    EXPECT_GT(made->held_bytes(next.prompt, ""), 0U);
}

TEST_F(ax_poll_reuse, is_off_unless_the_model_says_so) {
    entry.reuse = catalog::reuse_policy::off;
    simulated::start();
    const std::string first = begin("[[n=6]]");
    const std::string second = further(first + ask(turn(first)).text, "[[n=4]]");
    const told two = ask(turn(second));
    expect_start(two, "off");
    EXPECT_GT(last_run()["P"], 0) << "a part of it goes through the reset";
}

}  // namespace
}  // namespace corral::engine
