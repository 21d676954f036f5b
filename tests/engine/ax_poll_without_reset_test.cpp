// A build that has no reset and keeps nothing: what the reset would have carried goes with the prompt.
#include <string>

#include "simulated.hpp"

namespace corral::engine {
namespace {

class ax_poll_without_reset : public simulated {
protected:
    ax_poll_without_reset() {
        entry.runtime.tokenizer_tap = false;
        entry.runtime.traits.conversation = catalog::conversation_form::single_message;
        scenario["stateless"] = true;
    }
    std::string last_prompt() { return last_run()["kv_text"].get<std::string>(); }
};

TEST_F(ax_poll_without_reset, the_system_text_opens_the_users_turn_and_no_reset_is_asked) {
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
