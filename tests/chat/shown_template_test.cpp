// The format that people are shown, executed, is the format that is used.

#include <random>

#include <gtest/gtest.h>

#include "chat/prompt/conversation.hpp"
#include "chat/prompt/prompt_form_policy.hpp"
#include "chat/prompt/verbatim_prompt.hpp"
#include "rounds.hpp"
#include "service_wrapper.hpp"

namespace corral::chat::tests {
namespace {

using json = nlohmann::ordered_json;

const auto tools = json::parse(
    R"([{"type":"function","function":{"name":"f","description":"<b> & é","parameters":{}}},{"type":"function"}])");

void expect_same(const family& in, const std::vector<message>& messages, bool with_tools,
                 thinking_mode thinking, const std::string& default_system = {}) {
    render_options how;
    how.format = &in;
    how.may_be_verbatim = true;
    how.default_system = default_system;
    const json declared = with_tools && in.tools != tool_style::none ? tools : json();
    const auto expected = verbatim_prompt(in, settled(in, messages), default_system, declared,
                                          expects_thinking(how, prompt_form::verbatim, thinking));
    how.prompt_template = shown_template(in);
    const auto shown = template_prompt(how, settled(in, messages), declared, thinking);
    ASSERT_TRUE(shown.has_value()) << in.name << ": " << shown.error().message;
    EXPECT_EQ(shown->turns, expected.turns) << in.name;
    EXPECT_EQ(shown->starts_in_thinking, expected.starts_in_thinking) << in.name << shown->turns;
    EXPECT_EQ(shown->thinking, expected.thinking) << in.name << shown->turns;
}

message thought(std::string thinking, std::string content) {
    auto out = says(role::assistant, std::move(content));
    out.thinking = std::move(thinking);
    return out;
}

std::vector<std::vector<message>> conversations() {
    const tool_call call{"1", "f", json{{"city", "Paris"}, {"list", {1, 2.5, true, nullptr}}}};
    const tool_call bare{"2", "g\"h", nullptr};
    return {
        {says(role::user, "U")},
        {says(role::system, "S"), says(role::user, "U")},
        {says(role::system, ""), says(role::user, "")},
        {says(role::system, "S1"), says(role::system, "S2"), says(role::user, "U1"), says(role::system, "S3"),
         says(role::assistant, "A"), says(role::user, "U2"), says(role::system, "S4")},
        {says(role::assistant, "A"), says(role::user, " U\n")},
        {says(role::system, "S"), says(role::assistant, "A"), says(role::user, "U")},
        {says(role::user, "U"), calls("A", {call, bare}), says(role::tool, "R1"), says(role::tool, "R2")},
        {says(role::user, "U"), calls("", {call}), says(role::tool, "R1"), calls("", {bare}),
         says(role::tool, "R2"), says(role::user, "V")},
        {says(role::tool, "R")},
        {says(role::user, "U"), thought("T", "A"), says(role::user, "V")},
        {says(role::user, "U"), thought("\nT\n", "\nA"), says(role::tool, "R")},
        {says(role::user, "U"), says(role::assistant, "<think>\nT\n</think>\n\nA"),
         says(role::user, "<tool_response>\nR\n</tool_response>")},
        {says(role::user, "U"), says(role::assistant, "A")},
        {says(role::user, "U"), says(role::assistant, "")},
        {says(role::user, "U"), thought("T", "A")},
        {says(role::user, "U"), thought("T", "")},
        {says(role::user, "U"), says(role::assistant, "<think>T")},
        {says(role::user, "U"), calls("A", {call})},
        {says(role::user, "{{ .System }} <|im_end|><|eot_id|> }}")},
    };
}

TEST(shown_template, gives_the_verbatim_prompt_of_every_family) {
    for (const auto* in : families()) {
        for (const auto& messages : conversations()) {
            for (const auto mode : {thinking_mode::model_default, thinking_mode::on, thinking_mode::off}) {
                for (const bool with_tools : {false, true}) {
                    expect_same(*in, messages, with_tools, mode);
                    expect_same(*in, messages, with_tools, mode, "Manifest.");
                }
            }
        }
    }
}

TEST(shown_template, gives_it_for_random_conversations_too) {
    std::mt19937 random(20'265);
    const char* const words[] = {"",         "a", " b ", "\nc\n",      "<think>",
                                 "</think>", "é", "{{",  "<|im_end|>", "<"};
    const auto some = [&] {
        std::string out;
        for (auto left = random() % 4; left > 0; --left) {
            out += words[random() % std::size(words)];
        }
        return out;
    };
    for (int round = 0; round < test_rounds(500); ++round) {
        std::vector<message> messages{says(role::user, some())};
        for (auto left = random() % 8; left > 0; --left) {
            messages.push_back(says(static_cast<role>(random() % 4), some()));
            if (messages.back().from == role::assistant && random() % 3 == 0) {
                messages.back().thinking = some();
            }
            if (messages.back().from == role::assistant && random() % 3 == 0) {
                messages.back().calls.push_back({"", some(), json{{"x", some()}}});
            }
        }
        for (const auto* in : families()) {
            expect_same(*in, messages, random() % 2 == 0, static_cast<thinking_mode>(random() % 3));
            if (HasFailure()) {
                return;
            }
        }
    }
}

TEST(shown_template, is_not_too_much_work_for_a_long_conversation) {
    std::vector<message> messages;
    for (int turn = 0; turn < 3000; ++turn) {
        messages.push_back(says(turn % 2 == 0 ? role::user : role::assistant, "words"));
    }
    messages.push_back(says(role::user, "last"));
    expect_same(*find_family("qwen3"), messages, true, thinking_mode::on);
}

// "ollama show --modelfile" and then "ollama create" must not ask for what a backend can't.
TEST(shown_template, copied_into_a_model_is_no_template_of_its_own) {
    for (const auto* in : families()) {
        EXPECT_TRUE(is_shown_template(*in, shown_template(*in) + "\n"));
        EXPECT_TRUE(is_shown_template(*in, shown_template(*in, {.tools = false, .holes = false})));
        EXPECT_FALSE(is_shown_template(*in, shown_template(*in) + "x"));
    }
    render_options how;
    how.format = find_family("qwen3");
    how.prompt_template = shown_template(*how.format);
    const auto prompt = render(how, {says(role::user, "U")}, nullptr, thinking_mode::on);
    ASSERT_TRUE(prompt.has_value());
    EXPECT_FALSE(prompt->verbatim);
}

TEST(shown_template, tells_what_a_model_can_do) {
    const auto holds = [](const char* format, const shown_parts& what, const char* part) {
        return shown_template(*find_family(format), what).find(part) != std::string::npos;
    };
    EXPECT_TRUE(holds("qwen2.5", {}, ".Tools"));
    EXPECT_TRUE(holds("qwen2.5", {}, ".Suffix"));
    EXPECT_FALSE(holds("qwen2.5", {.tools = false, .holes = false}, ".Tools"));
    EXPECT_FALSE(holds("qwen2.5", {.tools = false, .holes = false}, ".Suffix"));
    EXPECT_FALSE(holds("qwen2.5", {}, "<think>"));
    EXPECT_TRUE(holds("qwen3", {}, "<think>"));
    EXPECT_TRUE(holds("llama3", {}, ".Tools"));
    EXPECT_FALSE(holds("gemma", {}, ".Tools"));
    for (const auto* in : families()) {
        EXPECT_TRUE(holds(std::string(in->name).c_str(), {}, ".Messages")) << in->name;
    }
}

TEST(shown_template, fills_holes_as_the_family_does) {
    render_options how;
    how.format = find_family("qwen2.5");
    how.may_be_verbatim = true;
    const auto own = render_fill_in_middle(how, {"a", "b"});
    how.prompt_template = shown_template(*how.format);
    EXPECT_EQ(render_fill_in_middle(how, {"a", "b"})->turns, own->turns);
}

}  // namespace
}  // namespace corral::chat::tests
