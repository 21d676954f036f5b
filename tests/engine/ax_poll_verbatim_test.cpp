// Prompts to the token, over the tap.
#include <csignal>

#include <string>
#include <vector>

#include "simulated.hpp"
#include "vocabulary.hpp"

namespace corral::engine {
namespace {

const std::vector<std::string>& hard_texts() {
    static const std::vector<std::string> texts{
        "Once upon a time",
        "\nleading and trailing\n",
        "\n\nat both borders\n\n",
        "   three spaces   ",
        "\n\n",
        "\t \n",
        "ab",
        "<|im_start|>system\nBe "
        "brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n",
        "<|im_start|><|im_start|><|im_end|><|endoftext|>",
        "ends like the switch/no_think",
        "one slash/",
        "caf\u00e9 \u4e16\u754c \U0001F600\U0001F601 \u0416",
        "\xEF\xBF\xBD replacement",
        "quotes \" and \\ and {\"json\": [1, 2]}",
        std::string(700, 'q') + "end\n",
    };
    return texts;
}

class ax_poll_verbatim : public simulated {
protected:
    ax_poll_verbatim() { scenario["mode"] = "echo"; }

    [[nodiscard]] run_spec verbatim(const std::string& text) const {
        run_spec out = request(text, "");
        out.prompt.verbatim = true;
        return out;
    }
    [[nodiscard]] sim::encoding_quirks quirks() const {
        const json tokenizer = scenario.value("tokenizer", json::object());
        return {.merges_newlines = tokenizer.value("merge", false),
                .strips = tokenizer.value("control", "") == "strip",
                .knows_control = true};
    }
    // The run read exactly the ids of this text, and counts them.
    void expect_read(const told& got, const std::string& text) {
        ASSERT_EQ(got.cause(), "") << text;
        sim::token_ids wanted = sim::vocabulary::instance().encode(text, quirks());
        if (wanted.size() == 1) {
            wanted.insert(wanted.begin(), sim::id_endoftext);
        }
        const json run = last_run();
        EXPECT_EQ(run["kv_ids"].get<sim::token_ids>(), wanted) << text;
        if (text.find("\xEF\xBF\xBD") == std::string::npos) {  // else the tokenizer has no text for an answer
            EXPECT_EQ(got.text, sim::vocabulary::instance().decode(wanted)) << text;
        }
        EXPECT_TRUE(got.outcome.progress.usage.exact);
        EXPECT_EQ(got.outcome.progress.usage.prompt_tokens, wanted.size());
        EXPECT_EQ(got.outcome.end, run_end::stop);
    }
    void expect_wrapped_run_is_right() {
        const told got = ask(request("A normal question.", "A normal system prompt."));
        ASSERT_EQ(got.cause(), "");
        EXPECT_EQ(got.text, last_run()["kv_text"].get<std::string>());
        EXPECT_TRUE(
            got.text.starts_with("<|im_start|>system\nA normal system prompt.<|im_end|>\n"
                                 "<|im_start|>user\nA normal question."))
            << got.text;
    }
    std::vector<std::string> tokenizer_calls() {
        std::vector<std::string> out;
        const json answer = control_of("tokenizer", {{"cmd", "requests"}, {"since", 0}});
        for (const json& call : answer["requests"]) {
            out.push_back(call["route"]);
        }
        return out;
    }
    prompt_measure measured(const std::string& text) {
        const core::deadline until = core::deadline::after(seconds{20}, clock.now());
        const chat::rendered_prompt prompt = verbatim(text).prompt;
        const auto got = run(made->measure(prompt, until));
        EXPECT_TRUE(got && *got);
        return got && *got ? **got : prompt_measure{};
    }
};

class ax_poll_verbatim_tokenizers : public ax_poll_verbatim,
                                    public ::testing::WithParamInterface<const char*> {
protected:
    ax_poll_verbatim_tokenizers() { scenario["tokenizer"] = json::parse(GetParam()); }
};

TEST_P(ax_poll_verbatim_tokenizers, give_the_model_every_text_to_the_token) {
    start();
    ASSERT_TRUE(made->facts().takes_verbatim);
    const pid_t before = runtime_pid();
    for (const std::string& text : hard_texts()) {
        expect_read(ask(verbatim(text)), text);
        expect_clean();
    }
    if (!quirks().strips) {
        expect_wrapped_run_is_right();
    }
    EXPECT_TRUE(made->facts().takes_verbatim);
    EXPECT_EQ(runtime_pid(), before);
}

INSTANTIATE_TEST_SUITE_P(
    of_the_field, ax_poll_verbatim_tokenizers,
    ::testing::Values(R"({"family": "qwen3"})", R"({"family": "qwen3", "no_think": false})",
                      R"({"family": "qwen2.5", "merge": true})", R"({"family": "qwen2.5", "trim": true})",
                      R"({"family": "qwen3", "trim": true, "merge": true, "strict": true})",
                      R"({"family": "plain", "control": "strip"})"));

TEST_F(ax_poll_verbatim, one_token_gets_the_document_mark_and_none_is_refused) {
    start();
    for (const std::string text : {"a", "\n", " the", "<|im_start|>"}) {
        expect_read(ask(verbatim(text)), text);
        EXPECT_EQ(last_run()["kv_text"], "<|endoftext|>" + text);
    }
    const told empty = ask(verbatim(""));
    EXPECT_EQ(empty.cause(), "prompt-too-short");
    EXPECT_EQ(empty.outcome.failure->kind, chat::failure_kind::bad_request);
    EXPECT_FALSE(empty.outcome.failure->retryable);
    EXPECT_TRUE(made->facts().takes_verbatim);
    expect_wrapped_run_is_right();
}

TEST_F(ax_poll_verbatim, the_switch_of_the_script_does_not_reach_the_model) {
    scenario["tokenizer"] = {{"family", "qwen3"}};
    entry.family = "qwen3";
    start();
    const told wrapped = ask("Think about it.");
    EXPECT_NE(wrapped.text.find("/no_think"), std::string::npos);
    const std::string text = "<|im_start|>user\nThink about it.<|im_end|>\n<|im_start|>assistant\n";
    const told got = ask(verbatim(text));
    expect_read(got, text);
    EXPECT_EQ(got.text.find("/no_think"), std::string::npos);
    // The runtime was not even sent the text, so it does not print it either.
    EXPECT_EQ(last_run()["prompt"].get<std::string>().find("Think"), std::string::npos);
}

TEST_F(ax_poll_verbatim, nothing_leaks_between_verbatim_and_wrapped_runs) {
    start();
    for (int i = 0; i < 8; ++i) {
        const std::string mark = "mark" + std::to_string(i);
        if (i % 2 == 0) {
            expect_read(ask(verbatim("Tell of " + mark)), "Tell of " + mark);
            continue;
        }
        const told got = ask(request("I am " + mark, "System " + mark));
        ASSERT_EQ(got.cause(), "");
        EXPECT_EQ(got.text.find("mark" + std::to_string(i - 1)), std::string::npos);
        EXPECT_NE(got.text.find("System " + mark), std::string::npos);
    }
    run_spec limited = verbatim("This text is longer than the limit.");
    limited.max_tokens = 3;
    const told cut = ask(std::move(limited));
    EXPECT_EQ(cut.outcome.end, run_end::length);
    EXPECT_EQ(cut.outcome.progress.usage.generated_tokens, 3U);
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [&control] { control.cancel(); };
    const told cancelled = ask(verbatim("Cancelled " + std::string(200, 'q')), sink, control);
    EXPECT_EQ(cancelled.outcome.end, run_end::cancelled);
    expect_clean();
    expect_wrapped_run_is_right();
    expect_read(ask(verbatim("Last of all")), "Last of all");
}

TEST_F(ax_poll_verbatim, dropped_and_late_calls_are_repeated_with_the_same_ids) {
    start();
    const std::string text = "To the token, whatever happens.";
    for (const char* name : {"swallow_reset", "swallow_generate", "stale_text"}) {
        fault("runtime", name, "once");
        expect_read(ask(verbatim(text)), text);
    }
    fault("runtime", "early_done", true, {{"ms", 200}});
    expect_read(ask(verbatim(text)), text);
    fault("runtime", "early_done", false);
    fault("runtime", "busy", 4);
    expect_read(ask(verbatim(text)), text);
    fault("runtime", "context_full", "once");
    EXPECT_EQ(ask(verbatim(text)).cause(), "context-full");
    fault("runtime", "kill_at", "once", {{"phase", "prefill"}, {"signal", "KILL"}});
    const told died = ask(verbatim(text));
    EXPECT_EQ(died.cause(), "runtime-died");
    EXPECT_TRUE(died.outcome.failure->retryable);
    ASSERT_EQ(wait_ready(), "");
    expect_read(ask(verbatim(text)), text);
    expect_wrapped_run_is_right();
}

TEST_F(ax_poll_verbatim, is_measured_exactly_and_not_encoded_twice) {
    start();
    const std::string text = "Measured before it is run.\n";
    const prompt_measure got = measured(text);
    const std::size_t wanted = sim::vocabulary::instance().encode(text).size();
    EXPECT_TRUE(got.exact);
    EXPECT_TRUE(got.fits);
    EXPECT_EQ(got.system_tokens + got.turn_tokens, wanted);
    EXPECT_GE(got.limit, wanted);
    const std::size_t calls = tokenizer_calls().size();
    expect_read(ask(verbatim(text)), text);
    const std::vector<std::string> after = tokenizer_calls();
    for (std::size_t i = calls; i < after.size(); ++i) {
        EXPECT_EQ(after[i], "/decode");
    }
    EXPECT_EQ(control_of("tokenizer", {{"cmd", "state"}})["uids"], 2);  // the runtime's and Corral's
}

TEST_F(ax_poll_verbatim, measure_agrees_with_the_runtime_and_wastes_no_room) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    for (const std::size_t size : {2U, 3U, 31U, 32U, 33U, 64U, 65U, 97U, 127U, 128U, 129U, 300U}) {
        const std::string text(size, 'q');
        const prompt_measure got = measured(text);
        EXPECT_EQ(got.limit, 128U);
        EXPECT_EQ(got.fits, size <= 128) << size;
        run_spec what = verbatim(text);
        what.max_tokens = 1;
        const told ran = ask(std::move(what));
        EXPECT_EQ(ran.cause(), size <= 128 ? "" : "context-full") << size;
        if (size <= 128) {
            EXPECT_EQ(last_run()["kv_ids"].size(), size);
        }
    }
    expect_wrapped_run_is_right();
}

TEST_F(ax_poll_verbatim, a_tokenizer_restarted_between_measure_and_run_costs_nothing) {
    start();
    const std::string text = "Learned by one, read by another.";
    expect_read(ask(verbatim(text)), text);
    (void)measured(text + "!");
    const pid_t before = runtime_pid();
    const pid_t old = tokenizer_pid();
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(run_until([this, old] { return tokenizer_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    expect_read(ask(verbatim(text + "!")), text + "!");
    fault("tokenizer", "forget_uids", true);
    expect_read(ask(verbatim(text)), text);
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_verbatim, a_tokenizer_that_dies_while_it_encodes_costs_time_only) {
    start();
    const pid_t before = runtime_pid();
    const std::string text = "Encoded at the second try.";
    for (const char* phase : {"encode", "get_uid", "reset"}) {
        if (std::string_view(phase) ==
            "get_uid") {  // had at the start, and by the first question after a death
            const pid_t known = tokenizer_pid();
            ::kill(known, SIGKILL);
            ASSERT_TRUE(run_until([&] { return tokenizer_pid() > 0 && tokenizer_pid() != known; }));
            ASSERT_EQ(wait_ready(), "");
        }
        const pid_t old = tokenizer_pid();
        fault("tokenizer", "kill_at", "once", {{"phase", phase}, {"signal", "KILL"}});
        expect_read(ask(verbatim(text + phase)), text + phase);
        ASSERT_TRUE(run_until([this, old] { return tokenizer_pid() != old; })) << phase;
        ASSERT_EQ(wait_ready(), "");
    }
    for (const char* name : {"garbage_reply", "drop_reply", "truncated_reply", "status_reply"}) {
        fault("tokenizer", name, "once", {{"route", "/encode"}});
        expect_read(ask(verbatim(text + name)), text + name);
    }
    EXPECT_EQ(runtime_pid(), before);
    expect_wrapped_run_is_right();
}

TEST_F(ax_poll_verbatim, a_gone_client_does_not_wait_for_a_tokenizer_that_is_away) {
    start();
    fault("tokenizer", "unknown_uid", true);
    text_sink sink;
    run_control control(context.on);
    boost::asio::steady_timer timer(io, milliseconds{300});
    timer.async_wait([&control](boost::system::error_code error) {
        if (!error) {
            control.cancel();
        }
    });
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(ask(verbatim("Nobody waits."), sink, control).outcome.end, run_end::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds{10});
    run_spec late = verbatim("Too late.");
    late.until = core::deadline::after(milliseconds{300}, clock.now());
    EXPECT_EQ(ask(std::move(late)).cause(), "deadline");
    fault("tokenizer", "unknown_uid", false);
    expect_read(ask(verbatim("In time.")), "In time.");
}

TEST_F(ax_poll_verbatim, a_tokenizer_that_takes_the_text_and_says_nothing_is_restarted) {
    start();
    const pid_t before = runtime_pid();
    const pid_t old = tokenizer_pid();
    fault("tokenizer", "hang", true, {{"route", "/encode"}});
    const told got = ask(verbatim("Said to a wall."));
    EXPECT_EQ(got.cause(), "tokenizer-unavailable");
    EXPECT_TRUE(got.outcome.failure->retryable);
    ASSERT_TRUE(run_until([this, old] { return tokenizer_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    expect_read(ask(verbatim("Said to a wall.")), "Said to a wall.");
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_verbatim, a_wrapper_that_changes_is_learned_anew) {
    start();
    expect_read(ask(verbatim("before")), "before");
    fault("tokenizer", "changed_wrapper", "once", {{"text", "?!"}});
    expect_read(ask(verbatim("during")), "during");
    fault("tokenizer", "changed_wrapper", true, {{"text", " and more"}});
    expect_read(ask(verbatim("after")), "after");
    EXPECT_TRUE(made->facts().takes_verbatim);
}

TEST_F(ax_poll_verbatim, a_wrapper_without_a_shape_is_refused_and_never_run) {
    start();
    expect_read(ask(verbatim("before")), "before");
    const int runs = state()["runs"].get<int>();
    fault("tokenizer", "changed_wrapper", true);
    const told got = ask(verbatim("never read"));
    EXPECT_EQ(got.cause(), "verbatim-impossible");
    EXPECT_EQ(got.outcome.failure->kind, chat::failure_kind::unsupported);
    EXPECT_FALSE(got.outcome.failure->retryable);
    EXPECT_EQ(got.text, "");
    EXPECT_FALSE(made->facts().takes_verbatim);
    EXPECT_EQ(state()["runs"].get<int>(), runs);
    fault("tokenizer", "changed_wrapper", false);
    expect_wrapped_run_is_right();
    EXPECT_FALSE(made->facts().takes_verbatim);
}

TEST_F(ax_poll_verbatim, a_tokenizer_without_control_tokens_can_guard_nothing) {
    scenario["tokenizer"] = {{"control", "none"}};
    start();
    EXPECT_FALSE(made->facts().takes_verbatim) << "it was asked at the start";
    EXPECT_EQ(ask(verbatim("never read")).cause(), "verbatim-impossible");
    EXPECT_FALSE(measured("never read").exact);
}

TEST_F(ax_poll_verbatim, ids_that_the_model_does_not_have_never_reach_it) {
    start();
    const pid_t before = runtime_pid();
    for (const char* route : {"/reset", "/encode"}) {
        fault("tokenizer", "foreign_id", true, {{"route", route}});
        const told got = ask(request("Hi"));
        EXPECT_EQ(got.cause(), "tokenizer-foreign-ids") << route;
        EXPECT_FALSE(got.outcome.failure->retryable);
        fault("tokenizer", "foreign_id", false);
        expect_wrapped_run_is_right();
    }
    fault("tokenizer", "foreign_id", "once", {{"route", "/encode"}});
    expect_read(ask(verbatim("Right all the same.")), "Right all the same.");
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_verbatim, is_not_offered_without_the_tap_or_a_known_family) {
    skip_without_terminals();
    if (IsSkipped()) {
        return;
    }
    entry.runtime.tokenizer_tap = false;
    start();
    EXPECT_FALSE(made->facts().takes_verbatim);
    const told got = ask(verbatim("never read"));
    EXPECT_EQ(got.cause(), "verbatim-impossible");
    EXPECT_EQ(got.outcome.failure->kind, chat::failure_kind::unsupported);
    expect_wrapped_run_is_right();
}

TEST_F(ax_poll_verbatim, a_family_that_nobody_knows_has_no_guard) {
    entry.family = "unheard-of";
    make();
    EXPECT_FALSE(made->facts().takes_verbatim);
}

}  // namespace
}  // namespace corral::engine
