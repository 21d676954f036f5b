// What a request held is no finding when the runtime prints it; all else is the runtime's own.

#include "engine/request_words.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace corral::engine {
namespace {

struct collected : run_sink {
    void on_text(std::string_view piece, const run_progress&) override { text += piece; }
    std::string text;
};

chat::rendered_prompt prompt_of(std::string turns) {
    chat::rendered_prompt out;
    out.system = "You are helpful.";
    out.turns = std::move(turns);
    return out;
}

TEST(request_words, a_sign_in_a_prompt_or_an_answer_is_quoted_and_no_other_is) {
    request_words words;
    collected into;
    EXPECT_FALSE(words.hold("AX_ENGINE_Execute"));
    {
        request_words::listener run(words, prompt_of("say \x1b[1;31m[E]: AX_ENGINE\n_Execute"), into);
        run.on_text("the AXCL", {});
        run.on_text("Worker exit with devid", {});
    }
    EXPECT_EQ(into.text, "the AXCLWorker exit with devid");
    EXPECT_TRUE(words.hold("AX_ENGINE_Execute")) << "also after its run, as output is held back";
    EXPECT_TRUE(words.hold("AXCLWorker exit with devid"));
    EXPECT_FALSE(words.hold("model not available"));
}

TEST(request_words, are_those_of_the_last_requests_and_bounded) {
    request_words words;
    collected into;
    request_words::listener first(words, prompt_of("AX_ENGINE_Execute"), into);
    for (int i = 0; i < 8; ++i) {
        request_words::listener other(words, prompt_of("hello"), into);
    }
    EXPECT_FALSE(words.hold("AX_ENGINE_Execute"));
    request_words::listener endless(words, prompt_of("hello"), into);
    for (int i = 0; i < 300; ++i) {
        endless.on_text(std::string(1024, 'x'), {});
    }
    EXPECT_TRUE(words.hold("anything")) << "the rest of it is not known";
}

TEST(request_words, messages_count_too) {
    request_words words;
    collected into;
    chat::rendered_prompt prompt = prompt_of("hello");
    prompt.messages = {{"user", "the card died"}};
    request_words::listener run(words, prompt, into);
    EXPECT_TRUE(words.hold("the card died"));
}

TEST(request_words, begin_where_a_line_repeats_sixteen_letters_of_a_request_or_an_answer) {
    request_words words;
    collected into;
    constexpr std::size_t none = std::string_view::npos;
    EXPECT_EQ(words.begin_in("my password is hunter2"), none);
    request_words::listener run(words, prompt_of("He said: my\npassword is hunter2."), into);
    request_words::listener other(words, prompt_of("Mein Gru\xc3\x9f an d\xc3\xb6rfliche \xc3\x84mter bald"),
                                  into);
    EXPECT_EQ(words.begin_in("my password is hunter2"), 0U);
    EXPECT_EQ(words.begin_in("GGML_ASSERT(x) for 'my  password is\\hunter2' (x)"), 20U);
    EXPECT_EQ(words.begin_in("failed: password is hunter2"), 8U);
    EXPECT_EQ(words.begin_in("failed: password is hunte"), none) << "fifteen letters";
    EXPECT_EQ(words.begin_in("my password is Hunter2"), none);
    EXPECT_EQ(words.begin_in("zu d\xc3\xb6rfliche \xc3\x84mter bald"), 3U);
    EXPECT_EQ(words.begin_in("zu \xc2\xb6rfliche \xc3\x84mter bald"), 3U) << "no letter is cut";
    EXPECT_EQ(words.begin_in(""), none);
    other.on_text("The card has 31", {});
    other.on_text("4 cores and no memory", {});
    EXPECT_EQ(words.begin_in("at password is hunter2: card has 314 cores and"), 3U) << "the first of all";
    EXPECT_EQ(words.begin_in("run: card has 314 cores and"), 5U);
}

// What is said once is searched once for a sign, however often a runtime prints it.
TEST(spoken_text, bare_is_letters_and_digits_of_all_languages) {
    EXPECT_EQ(bare("a-B 9_\n.'\x1b"), "aB9");
    EXPECT_EQ(bare("\xc3\xa9t\xc3\xa9!"), "\xc3\xa9t\xc3\xa9");
    EXPECT_EQ(bare(""), "");
}

TEST(spoken_text, a_sign_may_come_in_pieces_behind_a_search_in_vain) {
    spoken_text text;
    EXPECT_FALSE(text.holds("carddied"));
    text.add("the card ");
    EXPECT_FALSE(text.holds("carddied"));
    text.add("di");
    EXPECT_FALSE(text.holds("carddied"));
    text.add("ed at noon");
    EXPECT_TRUE(text.holds("carddied"));
    EXPECT_TRUE(text.holds("carddied")) << "it stays said";
    EXPECT_FALSE(text.holds("dietcard"));
}

TEST(spoken_text, is_bounded) {
    spoken_text text;
    text.add(std::string(spoken_text::most_bytes - 1, ' '));
    EXPECT_FALSE(text.is_cut());
    text.add("secret");
    EXPECT_TRUE(text.is_cut());
    EXPECT_TRUE(text.holds("s"));
    EXPECT_FALSE(text.holds("secret"));
}

// Each of these lines cost a walk through the whole text: at once with eight texts 3.6 ms a line.
TEST(spoken_text, a_sign_asked_for_a_hundred_thousand_times_costs_one_search) {
    spoken_text text;
    for (std::size_t i = 0; i < spoken_text::most_bytes / 16; ++i) {
        text.add("GGML_ASSER_____ ");
    }
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_FALSE(text.holds("GGMLASSERTno"));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(spoken_text, finds_each_run_of_sixteen_wherever_it_stands) {
    spoken_text text;
    std::string all;
    for (int i = 0; all.size() < 20'000; ++i) {
        const std::string piece = std::to_string(i * 7919) + "x" + std::to_string(i);
        text.add(piece);
        all += piece;
    }
    for (std::size_t at = 0; at + 16 <= all.size(); ++at) {
        ASSERT_EQ(text.run_in("-" + all.substr(at, 16) + "-"), 1U) << at;
    }
    EXPECT_EQ(text.run_in(all.substr(100, 15)), std::string_view::npos);
    EXPECT_EQ(text.run_in("short"), std::string_view::npos);
}

TEST(spoken_text, one_that_repeats_itself_is_as_quick) {
    spoken_text text;
    for (std::size_t i = 0; i < spoken_text::most_bytes / 16; ++i) {
        text.add("abcdefghijklmnop");
    }
    EXPECT_EQ(text.run_in("--klmnopabcdefghij"), 2U);
    const std::string line(4096, 'a');
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(text.run_in(line), std::string_view::npos);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace corral::engine
