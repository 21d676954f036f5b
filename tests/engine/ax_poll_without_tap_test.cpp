// The same promises where nobody stands between runtime and tokenizer.

#include <csignal>
#include <string>

#include "simulated.hpp"

namespace corral::engine {
namespace {

class ax_poll_without_tap : public simulated {
protected:
    ax_poll_without_tap() { entry.runtime.tokenizer_tap = false; }
};

TEST_F(ax_poll_without_tap, answers_are_right_and_counts_marked_as_estimates) {
    start();
    const told got = ask("[[n=13]]");
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(13));
    EXPECT_FALSE(got.outcome.progress.usage.exact);
    EXPECT_GT(got.outcome.progress.usage.prompt_tokens, 0U);
    EXPECT_GT(got.outcome.progress.usage.generated_tokens, 0U);
    run_spec limited = request("[[n=100]]");
    limited.max_tokens = 6;
    const told cut = ask(std::move(limited));
    EXPECT_EQ(cut.outcome.end, run_end::length);
    EXPECT_TRUE(words(100).starts_with(cut.text));
    expect_right();
}

// A poll that comes late brings what many would have brought.
TEST_F(ax_poll_without_tap, a_limit_heeds_how_much_a_poll_brings) {
    scenario["timing"]["burst"] = 100;
    scenario["timing"]["tokens_per_second"] = 2000;
    start();
    run_spec limited = request("[[n=1500]]");
    limited.max_tokens = 90;
    const told cut = ask(std::move(limited));
    EXPECT_EQ(cut.outcome.end, run_end::length);
    EXPECT_TRUE(words(700).starts_with(cut.text));
    EXPECT_GE(cut.text.size(), 90 * 2U);
    EXPECT_LE(cut.text.size(), 90 * 6U + 8) << "what one poll brought beyond the limit is left out";
}

TEST_F(ax_poll_without_tap, dropped_calls_early_done_and_stale_text_are_survived) {
    start();
    fault("runtime", "swallow_generate", "once");
    expect_right();
    fault("runtime", "early_done", true, {{"ms", 300}});
    expect_right();
    fault("runtime", "early_done", false);
    fault("runtime", "stale_text", true);
    expect_right();
    fault("runtime", "stale_text", false);
    fault("runtime", "swallow_reset", "once");
    const told other = ask(request("[[n=5]]", "Another system."));
    EXPECT_EQ(other.text, words(5));
    EXPECT_NE(last_run()["kv_text"].get<std::string>().find("Another system."), std::string::npos);
}

TEST_F(ax_poll_without_tap, a_reset_that_nobody_saw_run_is_not_believed) {
    start();
    EXPECT_EQ(ask(request("[[n=5]]", "The system of somebody else.")).text, words(5));
    const pid_t before = runtime_pid();
    fault("runtime", "swallow_reset", true);
    const told got = ask(request("[[echo]] Who was here?", "My own system."));
    EXPECT_EQ(got.cause(), "reset-swallowed");
    EXPECT_EQ(got.text, "");
    EXPECT_TRUE(got.outcome.failure->retryable);
    ASSERT_TRUE(run_until([this, before] { return runtime_pid() != before; }));
    ASSERT_EQ(wait_ready(), "");
    const told again = ask(request("[[echo]] Who was here?", "My own system."));
    EXPECT_EQ(again.cause(), "");
    EXPECT_EQ(again.text.find("somebody else"), std::string::npos);
}

TEST_F(ax_poll_without_tap, cancelled_runs_leave_nothing) {
    scenario["timing"]["tokens_per_second"] = 100;
    start();
    for (int i = 0; i < 3; ++i) {
        text_sink sink;
        run_control control(context.on);
        sink.on_piece = [&control] { control.cancel(); };
        EXPECT_EQ(ask(request("[[n=300]]"), sink, control).outcome.end, run_end::cancelled);
        expect_clean();
        expect_right();
    }
}

TEST_F(ax_poll_without_tap, a_mute_pair_is_restarted_and_the_request_may_be_repeated) {
    start();
    const pid_t before = runtime_pid();
    fault("tokenizer", "mute", true);
    const told got = ask("[[n=9]]");
    EXPECT_EQ(got.cause(), "mute");
    EXPECT_TRUE(got.outcome.failure->retryable);
    ASSERT_TRUE(run_until([this, before] { return runtime_pid() != before && runtime_pid() != 0; }));
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

TEST_F(ax_poll_without_tap, a_prompt_that_could_not_be_encoded_never_answers_the_one_before) {
    start();
    expect_right(9);
    fault("runtime", "encode_failed", "once");
    expect_right(5);
    // The words in a prompt prove nothing.
    EXPECT_EQ(ask("[E][ Encode][ 820]: encode failed [[n=4]]").text, words(4));
}

TEST_F(ax_poll_without_tap, a_reset_that_failed_never_leaves_the_system_prompt_of_the_one_before) {
    start();
    expect_right(9);
    fault("tokenizer", "status_reply", "once", {{"route", "/reset"}, {"status", 500}});
    const told other = ask(request("[[n=5]]", "Another system."));
    EXPECT_EQ(other.text, words(5));
    EXPECT_NE(last_run()["kv_text"].get<std::string>().find("Another system."), std::string::npos);
    fault("tokenizer", "status_reply", true, {{"route", "/reset"}, {"status", 500}});
    const told never = ask("[[n=5]]");
    EXPECT_EQ(never.cause(), "tokenizer-unavailable");
    EXPECT_EQ(never.text, "");
    EXPECT_EQ(wait_ready(), "") << "of another tokenizer, without the fault";
    expect_right();
}

// The tokenizer is told of the answer before it, and may count the turn behind that differently.
TEST_F(ax_poll_without_tap, a_prompt_at_the_edge_of_the_context_is_answered_whole_or_refused_and_never_cut) {
    start("--max-token-len 256 --chunk 32 --groups 32,64,128");
    int answered = 0;
    int refused = 0;
    for (std::size_t size = 40; size < 130; size += 6) {
        ASSERT_EQ(ask("[[n=2]]").cause(), "") << "somebody's answer before";
        const std::string turn(size, 'q');
        run_spec what = request(turn, "Be brief.");
        what.max_tokens = 1;
        const told got = ask(std::move(what));
        if (got.cause().empty()) {
            ++answered;
            const std::string read = last_run()["kv_text"].get<std::string>();
            EXPECT_NE(read.find(turn), std::string::npos) << size << ": " << read;
            EXPECT_EQ(read.find(words(2)), std::string::npos) << "the model never reads the answer before";
        } else {
            ++refused;
            EXPECT_EQ(got.outcome.failure->kind, chat::failure_kind::context_too_long) << got.cause();
            EXPECT_EQ(got.text, "");
        }
    }
    EXPECT_GT(answered, 0);
    EXPECT_GT(refused, 0) << "the edge was never reached";
    expect_right();
}

TEST_F(ax_poll_without_tap, context_text_in_band_is_a_failure) {
    start();
    fault("runtime", "context_full", "once");
    const told got = ask("[[n=9]]");
    EXPECT_EQ(got.cause(), "context-full");
    EXPECT_EQ(got.text, "");
    expect_right();
}

TEST_F(ax_poll_without_tap, a_dead_tokenizer_takes_the_runtime_with_it_and_is_named) {
    scenario["timing"]["tokens_per_second"] = 30;
    start();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [this, &sink] {
        if (sink.pieces == 2) {
            EXPECT_EQ(::kill(tokenizer_pid(), SIGKILL), 0);
        }
    };
    const told got = ask(request("[[n=100]]"), sink, control);
    EXPECT_EQ(got.cause(), "tokenizer-died");
    EXPECT_EQ(got.outcome.loss.what, run_loss::how::none);
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

// A build that has no reset and keeps nothing: what the reset would have carried goes with the prompt.
class ax_poll_without_reset : public simulated {
protected:
    ax_poll_without_reset() {
        entry.runtime.tokenizer_tap = false;
        entry.runtime.traits.conversation = catalog::conversation_form::single_message;
        scenario["stateless"] = true;
    }
    std::string last_prompt() { return last_run()["kv_text"].get<std::string>(); }
};

TEST_F(ax_poll_without_reset, the_system_prompt_opens_the_users_turn_and_no_reset_is_asked) {
    start();
    const told got = ask(request("[[n=5]] one", "Be kind."));
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(5));
    EXPECT_NE(last_prompt().find("user\nBe kind.\n\n[[n=5]] one"), std::string::npos) << last_prompt();
    EXPECT_EQ(state()["resets"], 0);
    expect_clean();
}

TEST_F(ax_poll_without_reset, nothing_of_one_conversation_is_in_the_next) {
    start();
    EXPECT_EQ(ask(request("[[n=4]] secret of Alice", "Alice's clerk.")).text, words(4));
    EXPECT_EQ(ask(request("[[n=6]] Bob asks", "Bob's clerk.")).text, words(6));
    EXPECT_EQ(last_prompt().find("Alice"), std::string::npos);
    expect_clean();
}

TEST_F(ax_poll_without_reset, a_cancelled_run_leaves_nothing_behind) {
    scenario["timing"]["tokens_per_second"] = 60;
    start();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [&control] { control.cancel(); };
    EXPECT_EQ(ask(request("[[never_end]]"), sink, control).outcome.end, run_end::cancelled);
    expect_clean();
    EXPECT_EQ(ask("[[n=3]]").text, words(3));
}

TEST_F(ax_poll_without_reset, a_prompt_that_can_not_be_encoded_is_known_at_once_and_ends_its_runtime) {
    start();
    const pid_t before = runtime_pid();
    fault("runtime", "encode_failed", "once");
    const told got = ask("[[n=9]]");
    EXPECT_EQ(got.cause(), "mute") << "before any clock";
    EXPECT_TRUE(got.outcome.failure->retryable);
    ASSERT_TRUE(run_until([this, before] { return runtime_pid() != before && runtime_pid() != 0; }));
    ASSERT_EQ(wait_ready(), "");
    // The words in a prompt prove nothing.
    EXPECT_EQ(ask("]: lLaMa.Encode failed [[n=4]]").text, words(4));
}

TEST_F(ax_poll_without_reset, a_prompt_is_one_chunk_at_most) {
    start();
    chat::rendered_prompt prompt;
    prompt.turns = std::string(60, 'x');
    const auto until = core::deadline::after(seconds{5}, clock.now());
    const auto fits = run(made->measure(prompt, until));
    prompt.turns += std::string(140, 'x');
    const auto not_so = run(made->measure(prompt, until));
    ASSERT_TRUE(fits && not_so && *fits && *not_so);
    EXPECT_TRUE((*fits)->fits);
    EXPECT_FALSE((*not_so)->fits);
    EXPECT_EQ((*not_so)->limit, 128U);
    // Where the estimate was wrong it costs a load, and is nobody's failure.
    const pid_t before = runtime_pid();
    const told got = ask(std::string(200, '\x01') + "[[n=2]]");
    EXPECT_EQ(got.cause(), "context-full");
    ASSERT_TRUE(run_until([this, before] { return runtime_pid() != before && runtime_pid() != 0; }));
    ASSERT_EQ(wait_ready(), "");
    EXPECT_EQ(status(1).last_loss, supervisor::restart_reason::cancel);
    EXPECT_EQ(ask("[[n=3]]").text, words(3));
}

TEST_F(ax_poll_without_reset, the_length_of_both_texts_counts) {
    start();
    const std::string long_text(2000, 'x');
    chat::rendered_prompt prompt;
    prompt.system = long_text;
    prompt.turns = "short";
    const auto with = run(made->measure(prompt, core::deadline::after(seconds{5}, clock.now())));
    prompt.system = "s";
    const auto without = run(made->measure(prompt, core::deadline::after(seconds{5}, clock.now())));
    ASSERT_TRUE(with && without && *with && *without);
    EXPECT_GT((*with)->turn_tokens, (*without)->turn_tokens + 100);
}

}  // namespace
}  // namespace corral::engine
