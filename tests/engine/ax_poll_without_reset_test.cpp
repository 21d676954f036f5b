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
