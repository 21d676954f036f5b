// A wrapped prompt is read the same, to the id, whether its runtime is reset for it or goes on behind its cache: whatever
// the tokenizer's own template makes of texts.
#include <string>
#include <string_view>
#include <vector>

#include "simulated.hpp"

namespace corral::engine {
namespace {

constexpr const char* helpful = "You are a helpful assistant.";  // of a request without a system prompt

std::string answered(const std::string& question, const std::string& answer) {
    return question + "<|im_end|>\n<|im_start|>assistant\n" + answer + "<|im_end|>\n<|im_start|>user\n";
}

class wrapped_reuse : public simulated {
protected:
    wrapped_reuse() {
        entry.family = "qwen2.5";
        scenario["tokenizer"] = {{"family", "qwen2.5"}};
        entry.runtime.clocks.compare_after = milliseconds{50};
    }

    void begin(catalog::reuse_policy how) {
        entry.reuse = how;
        start();
        if (how == catalog::reuse_policy::automatic) {
            ASSERT_TRUE(run_until([this] { return made->report().reuse.state == "on"; }))
                << made->report().reuse.why;
        }
    }
    void leave() {
        EXPECT_EQ(run(made->stop(core::deadline::after(seconds{10}, clock.now()))), true);
        made.reset();
    }
    [[nodiscard]] run_spec raw(const std::string& text) const {
        run_spec out = request(text, "");
        out.prompt.verbatim = true;
        return out;
    }
    [[nodiscard]] std::vector<run_spec> prompts() const {
        const std::string chat = answered("[[n=5]] first", words(5));
        return {
            request("[[n=3]] no system prompt", helpful),
            request("[[n=5]] first", "Be brief."),
            request(chat + "[[n=4]] second", "Be brief."),
            request(chat + answered("[[n=4]] second", words(4)) + "[[n=2]] third", "Be brief."),
            request(chat + answered("[[n=4]] edited", words(4)) + "[[n=2]] third", "Be brief."),
            request(chat + "[[n=4]] second", "Another system prompt."),
            request("\n\n [[n=2]] white space \n\n", "\nBe brief. \n"),
            request(answered("[[n=2]] white space \n\n", words(2)) + " [[n=2]]\n", "Be brief."),
            request("[[n=2]] tools", "Be brief.\n\n# Tools\n\n<tools>\n{\"type\": \"function\"}\n</tools>"),
            request(answered("[[n=2]] call", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>") +
                        "<tool_response>\n7\n</tool_response> [[n=2]]",
                    "Be brief."),
            request("[[n=2]] caf\u00e9 \u4e16\u754c \U0001F600", "Sois br\u00e8ve. \u7eff"),
            raw("[[n=2]] Once upon a time"),
            raw("<|im_start|>user\n[[n=2]]<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        };
    }
    struct reading {
        std::string text;
        json ids;
        std::string start;
        std::string answer;
    };
    std::vector<reading> read_all() {
        std::vector<reading> out;
        for (run_spec& what : prompts()) {
            const told got = ask(std::move(what));
            EXPECT_EQ(got.cause(), "");
            const json last = last_run();
            out.push_back(
                {last["kv_text"], last["kv_ids"], std::string(got.outcome.progress.start), got.text});
            EXPECT_EQ(got.outcome.progress.usage.prompt_tokens, last["kv_ids"].size());
        }
        return out;
    }
    void expect_the_same() {
        begin(catalog::reuse_policy::off);
        const auto anew = read_all();
        leave();
        begin(catalog::reuse_policy::automatic);
        const auto reused = read_all();
        ASSERT_EQ(anew.size(), reused.size());
        for (std::size_t i = 0; i < anew.size(); ++i) {
            EXPECT_EQ(reused[i].text, anew[i].text) << i;
            EXPECT_EQ(reused[i].ids, anew[i].ids) << i;
            EXPECT_EQ(reused[i].answer, anew[i].answer) << i;
            EXPECT_EQ(anew[i].start, "off");
            EXPECT_NE(reused[i].start, "off") << i;
        }
        EXPECT_EQ(made->report().reuse.mistaken, 0U);
    }
    // How the turns of a conversation began that a client repeats word for word.
    std::vector<std::string> starts_of_a_chat(std::size_t turns) {
        std::vector<std::string> out;
        std::string said;
        for (std::size_t i = 1; i <= turns; ++i) {
            const std::string question = "[[n=" + std::to_string(i + 2) + "]] and so on";
            const told got = ask(request(said + question, helpful));
            EXPECT_EQ(got.text, words(static_cast<int>(i) + 2));
            out.emplace_back(got.outcome.progress.start);
            said += answered(question, got.text);
        }
        return out;
    }
};

TEST_F(wrapped_reuse, reads_the_same_ids) {
    expect_the_same();
}

TEST_F(wrapped_reuse, reads_the_same_ids_where_the_script_forbids_thinking) {
    entry.family = "qwen3";
    scenario["tokenizer"] = {{"family", "qwen3"}};
    expect_the_same();
}

TEST_F(wrapped_reuse, reads_the_same_ids_where_the_script_lets_it_think) {
    entry.family = "qwen3";
    scenario["tokenizer"] = {{"family", "qwen3"}, {"no_think", false}};
    expect_the_same();
}

TEST_F(wrapped_reuse, reads_the_same_ids_where_the_template_trims) {
    scenario["tokenizer"] = {{"family", "qwen2.5"}, {"trim", true}};
    expect_the_same();
}

TEST_F(wrapped_reuse, reads_the_same_ids_where_newlines_merge) {
    scenario["tokenizer"] = {{"family", "qwen2.5"}, {"merge", true}};
    expect_the_same();
}

TEST_F(wrapped_reuse, a_chat_goes_on_behind_the_cache) {
    begin(catalog::reuse_policy::automatic);
    const auto starts = starts_of_a_chat(6);
    EXPECT_EQ(starts.front(), "owner") << "the comparison was before it";
    for (std::size_t i = 1; i < starts.size(); ++i) {
        EXPECT_EQ(starts[i], "continued") << i;
    }
}

// The switch stands in the last turn only, so that no prompt begins with the one before.
TEST_F(wrapped_reuse, a_script_that_writes_into_the_last_turn_leaves_nothing_to_go_on_from) {
    entry.family = "qwen3";
    scenario["tokenizer"] = {{"family", "qwen3"}};
    begin(catalog::reuse_policy::automatic);
    const auto starts = starts_of_a_chat(4);
    for (std::size_t i = 1; i < starts.size(); ++i) {
        EXPECT_EQ(starts[i], "differs") << i;
    }
}

TEST_F(wrapped_reuse, a_tokenizer_that_fails_is_left_to_the_runtime) {
    begin(catalog::reuse_policy::automatic);
    fault("tokenizer", "status_reply", 3, {{"route", "/encode"}});
    const told got = ask(request("[[n=3]]"));
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(3));
    EXPECT_EQ(ask(request("[[n=4]]")).text, words(4));
}

TEST_F(wrapped_reuse, a_request_does_not_wait_for_the_comparison) {
    entry.reuse = catalog::reuse_policy::automatic;
    scenario["timing"]["tokens_per_second"] = 20;
    start();
    ASSERT_TRUE(run_until([this] { return state()["phase"] == "decode"; })) << "of the comparison";
    const auto begun = clock.now();
    run_spec what = request("[[n=1]]");
    const told got = ask(std::move(what));
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(1));
    EXPECT_LT(got.outcome.progress.first_text - begun, milliseconds{600})
        << "a piece of the comparison takes 150 ms";
}

TEST_F(wrapped_reuse, a_model_that_is_never_idle_compares_all_the_same) {
    entry.reuse = catalog::reuse_policy::automatic;
    entry.runtime.clocks.compare_after = milliseconds{10};
    scenario["timing"]["tokens_per_second"] = 2000;
    start();
    // A request after the other, so that there is no gap.
    for (int i = 0; i < 4000 && made->report().reuse.state != "on"; ++i) {
        const told got = ask(request("[[n=2]]"));
        ASSERT_EQ(got.cause(), "");
    }
    EXPECT_EQ(made->report().reuse.state, "on") << made->report().reuse.why;
}

TEST_F(wrapped_reuse, nothing_is_compared_while_another_model_works) {
    entry.reuse = catalog::reuse_policy::automatic;
    start();
    {
        const supervisor::box_activity::mark other(context.activity, clock);
        EXPECT_FALSE(run_until([this] { return made->report().reuse.state == "on"; }, milliseconds{1500}));
    }
    EXPECT_TRUE(run_until([this] { return made->report().reuse.state == "on"; })) << made->report().reuse.why;
}

}  // namespace
}  // namespace corral::engine
