#include "chat/prompt/prompt_form_policy.hpp"

#include <gtest/gtest.h>

#include "service_wrapper.hpp"

namespace corral::chat::tests {
namespace {

using enum thinking_mode;

struct form_row {
    const char* format;
    bool forbids;  // the package appends /no_think
    thinking_mode thinking;
    bool tools;
    bool verbatim;  // the form when it may be
    bool thinks;    // what the model then does
};

// Wrapped unless there is a reason.
TEST(prompt_form, is_wrapped_wherever_that_does_the_job) {
    const form_row table[] = {
        {"qwen3", false, model_default, false, false, true},
        {"qwen3", false, on, true, false, true},
        {"qwen3", false, off, false, true, false},
        {"qwen3", true, off, false, true, false},
        {"qwen3", true, model_default, false, true, false},
        {"qwen3", true, on, false, true, true},
        {"qwen3-thinking", true, on, false, false, true},
        {"qwen3-thinking", false, off, false, false, true},
        {"deepseek-r1", false, on, false, false, true},
        {"deepseek-r1", false, off, false, true, false},
        {"qwen2.5", true, on, true, false, false},
        {"qwen2.5", false, off, false, false, false},
        {"llama3", false, model_default, false, false, false},
        {"llama3", false, model_default, true, true, false},
        {"gemma", false, off, false, false, false},
    };
    for (const auto& row : table) {
        render_options how;
        how.format = find_family(row.format);
        how.package_forbids_thinking = row.forbids;
        const prompt_need need{false, false, row.tools, row.thinking};
        EXPECT_EQ(*choose_form(how, need), prompt_form::wrapped) << row.format;
        how.may_be_verbatim = true;
        const auto form = choose_form(how, need);
        EXPECT_EQ(*form == prompt_form::verbatim, row.verbatim) << row.format;
        EXPECT_EQ(expects_thinking(how, *form, row.thinking), row.thinks) << row.format;
    }
}

TEST(prompt_form, a_server_of_messages_turns_thinking_off_by_the_switch) {
    render_options how;
    how.format = find_family("qwen3");
    how.as_messages = true;
    how.may_be_verbatim = true;
    EXPECT_EQ(*choose_form(how, {false, false, false, off}), prompt_form::wrapped);
    const auto prompt = render(how, {says(role::user, "U")}, nullptr, off);
    EXPECT_TRUE(prompt->empties_thinking);
    EXPECT_FALSE(render(how, {says(role::user, "U")}, nullptr, on)->empties_thinking);
    how.as_messages = false;
    EXPECT_FALSE(render(how, {says(role::user, "U")}, nullptr, off)->empties_thinking) << "the block is ours";
}

TEST(prompt_form, an_open_answer_and_a_template_need_a_verbatim_prompt) {
    render_options how;
    how.format = find_family("qwen3");
    EXPECT_NE(choose_form(how, {true, false, false, on})
                  .error()
                  .message.text()
                  .find("ends with an assistant message"),
              std::string::npos);
    how.prompt_template = "{{ .Prompt }}";
    EXPECT_NE(choose_form(how, {}).error().message.text().find("can't use a prompt template"),
              std::string::npos);
    EXPECT_EQ(choose_form(how, {}).error().code, core::errc::refused);
    how.may_be_verbatim = true;
    EXPECT_EQ(*choose_form(how, {}), prompt_form::verbatim);
    how.prompt_template.clear();
    EXPECT_EQ(*choose_form(how, {true, false, false, on}), prompt_form::verbatim);
}

TEST(prompt_form, a_template_that_makes_nothing_of_a_request_is_refused) {
    render_options how;
    how.format = find_family("qwen3");
    how.may_be_verbatim = true;
    how.prompt_template = "{{ if .Suffix }}x{{ end }}";
    const auto prompt = render(how, {says(role::user, "U")}, nullptr, on);
    ASSERT_FALSE(prompt);
    EXPECT_EQ(prompt.error().code, core::errc::invalid);
}

// A package that forbids thinking does by default what it always does, in either form.
TEST(prompt_form, an_open_answer_in_a_package_that_forbids_thinking_does_not_think) {
    render_options how;
    how.format = find_family("qwen3");
    how.package_forbids_thinking = true;
    how.may_be_verbatim = true;
    const auto prompt =
        render(how, {says(role::user, "U"), says(role::assistant, "")}, nullptr, model_default);
    EXPECT_EQ(prompt->turns, "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
    EXPECT_FALSE(prompt->thinking);
}

TEST(prompt_form, the_manifests_default_is_in_both) {
    render_options how;
    how.format = find_family("qwen3");
    how.default_system = "M";
    EXPECT_EQ(render(how, {says(role::user, "U")}, nullptr, on)->system, "M");
    how.may_be_verbatim = true;
    EXPECT_EQ(render(how, {says(role::user, "U"), says(role::assistant, "A")}, nullptr, on)->turns,
              "<|im_start|>system\nM<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
              "<think>\n\n</think>\n\nA");
}

// What a package's wrapper makes of the wrapped form is the family's own text.
TEST(prompt_form, other_families_fit_into_their_wrappers) {
    const std::vector<message> talk{says(role::system, "S"), says(role::user, "U1"),
                                    says(role::assistant, "A1"), says(role::user, "U2")};
    const auto wrapped = [&](const char* format) {
        render_options how;
        how.format = find_family(format);
        return *render(how, talk, nullptr, model_default);
    };
    const auto llama = wrapped("llama3");
    EXPECT_EQ(llama.system, "S");
    EXPECT_EQ(llama.turns,
              "U1<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA1<|eot_id|>"
              "<|start_header_id|>user<|end_header_id|>\n\nU2");
    const auto gemma = wrapped("gemma");
    EXPECT_EQ(gemma.system, "S");
    EXPECT_EQ(gemma.turns, "U1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n<start_of_turn>user\nU2");
    EXPECT_EQ(wrapped("phi3").turns, "U1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2");
    EXPECT_EQ(wrapped("phi4-mini").turns, "U1<|end|><|assistant|>A1<|end|><|user|>U2");
    EXPECT_EQ(wrapped("phi4").turns,
              "U1<|im_end|><|im_start|>assistant<|im_sep|>A1<|im_end|><|im_start|>user<|im_sep|>U2");
}

TEST(prompt_form, results_of_llama_are_turns_that_the_wrapper_may_close) {
    render_options how;
    how.format = find_family("llama3");
    const auto loop =
        render(how, {says(role::user, "U"), calls("", {tool_call{"", "f", nullptr}}), says(role::tool, "R")},
               nullptr, on);
    EXPECT_EQ(
        loop->turns,
        "U<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{\"name\": \"f\", \"parameters\": {}}"
        "<|eot_id|><|start_header_id|>ipython<|end_header_id|>\n\n\"R\"");
    const auto alone = render(how, {says(role::tool, "R")}, nullptr, on);
    EXPECT_EQ(alone->turns, "<|eot_id|><|start_header_id|>ipython<|end_header_id|>\n\n\"R\"");
}

TEST(prompt_form, a_leading_answer_of_gemma_follows_an_empty_question) {
    render_options how;
    how.format = find_family("gemma");
    const auto prompt = render(
        how, {says(role::system, "S"), says(role::assistant, "A"), says(role::user, "U")}, nullptr, on);
    EXPECT_EQ(prompt->system, "S");
    EXPECT_EQ(prompt->turns, "<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\nU");
}

TEST(prompt_form, raw_texts_and_holes) {
    const auto raw = render_raw("<|im_start|>x");
    EXPECT_EQ(raw.turns, "<|im_start|>x");
    EXPECT_TRUE(raw.verbatim);
    EXPECT_FALSE(raw.thinking);
    render_options how;
    how.may_be_verbatim = true;
    how.format = find_family("qwen2.5");
    const auto hole = render_fill_in_middle(how, {"a<|fim_middle|>", "b"});
    EXPECT_EQ(hole->turns, "<|fim_prefix|>a< |fim_middle|><|fim_suffix|>b<|fim_middle|>");
    EXPECT_TRUE(hole->verbatim);
    how.prompt_template = "<PRE> {{ .Prompt }} <SUF>{{ .Suffix }} <MID>";
    EXPECT_EQ(render_fill_in_middle(how, {"a", "b"})->turns, "<PRE> a <SUF>b <MID>");
    how.prompt_template = "{{ .Prompt }}";
    EXPECT_EQ(render_fill_in_middle(how, {"a", "b"})->turns, "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");
    how.prompt_template.clear();
    how.format = find_family("deepseek-r1");
    EXPECT_EQ(render_fill_in_middle(how, {"a", "b"}).error().code, core::errc::refused);
}

}  // namespace
}  // namespace corral::chat::tests
