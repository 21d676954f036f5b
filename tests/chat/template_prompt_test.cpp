#include "chat/prompt/verbatim_prompt.hpp"

#include <gmock/gmock.h>

#include "service_wrapper.hpp"

namespace corral::chat::tests {
namespace {

using json = nlohmann::ordered_json;
using ::testing::HasSubstr;

struct case_of {
    std::string source;
    std::vector<message> messages;
    json tools = nullptr;
    thinking_mode thinking = thinking_mode::model_default;
    std::string effort{};
    std::string default_system{};
    const char* format = "qwen3";
};

core::result<rendered_prompt> rendered(const case_of& what) {
    render_options how;
    how.format = find_family(what.format);
    how.may_be_verbatim = true;
    how.prompt_template = what.source;
    how.effort = what.effort;
    how.default_system = what.default_system;
    how.today = "2026-03-04";
    return render(how, what.messages, what.tools, what.thinking);
}

std::string text(const case_of& what) {
    const auto prompt = rendered(what);
    return prompt ? prompt->turns : "refused: " + prompt.error().message;
}

const std::vector<message> talk{says(role::system, "S"), says(role::user, "U1"), says(role::assistant, "A1"),
                                says(role::user, "U2")};

const std::string mistral =
    "{{- if .System }}<s>{{ .System }} {{ end }}{{ if .Prompt }}[INST] {{ .Prompt }} [/INST]{{ end }} "
    "{{ .Response }}</s>\n";

TEST(template_prompt, without_messages_is_written_turn_by_turn) {
    EXPECT_EQ(text({mistral, talk}), "<s>S [INST] U1 [/INST] A1</s>\n[INST] U2 [/INST] ");
    EXPECT_EQ(text({mistral, {says(role::user, "U")}}), "[INST] U [/INST] ");
    EXPECT_EQ(text({mistral, {says(role::user, "U"), says(role::assistant, "It is")}}),
              "[INST] U [/INST] It is");
    EXPECT_EQ(text({mistral, {says(role::user, "U1"), says(role::user, "U2")}}), "[INST] U1\n\nU2 [/INST] ");
    EXPECT_EQ(text({mistral, {says(role::user, "U")}, nullptr, thinking_mode::on, {}, "M"}),
              "<s>M [INST] U [/INST] ");
    EXPECT_EQ(text({mistral, {says(role::user, "U1"), says(role::system, "S2"), says(role::user, "U2")}}),
              "[INST] U1 [/INST] </s>\n<s>S2 [INST] U2 [/INST] ");
}

TEST(template_prompt, all_turns_together_cost_no_more_than_one_prompt) {
    std::vector<message> many;
    for (int turn = 0; turn < 40; ++turn) {
        many.push_back(says(role::user, "U"));
        many.push_back(says(role::assistant, "A"));
    }
    EXPECT_THAT(text({"{{ range 20000 }}{{ end }}{{ .Prompt }}", many}), HasSubstr("takes too many steps"));
    EXPECT_EQ(text({"{{ range 20000 }}{{ end }}{{ .Prompt }}", {says(role::user, "U")}}), "U");
}

TEST(template_prompt, without_an_answer_ends_where_the_answer_begins) {
    EXPECT_EQ(text({"{{ .System }}|{{ .Prompt }}>", talk}), "S|U1>A1|U2>");
    EXPECT_EQ(text({"just this", {says(role::user, "U")}}), "just this");
}

TEST(template_prompt, with_messages_gets_them_all) {
    EXPECT_EQ(text({"{{ .System }}:{{ range .Messages }}[{{ .Role }} {{ .Content }}]{{ end }}",
                    {says(role::system, "S1"), says(role::user, "U1"), says(role::user, "U2"),
                     says(role::assistant, "A"), says(role::system, "S2"), says(role::user, "U3")}}),
              "S1\n\nS2:[system S1][user U1\n\nU2][assistant A][system S2][user U3]");
    EXPECT_EQ(text({"{{ .System }}{{ range .Messages }}{{ .Role }};{{ end }}{{ .Prompt }}",
                    {says(role::user, "U")},
                    nullptr,
                    thinking_mode::on,
                    {},
                    "M"}),
              "Msystem;user;");
}

TEST(template_prompt, shows_calls_results_and_tools) {
    auto result = says(role::tool, "R");
    result.tool_name = "f";
    result.tool_call_id = "1";
    EXPECT_EQ(text({"{{ range .Tools }}{{ .Function.Name }}{{ end }}{{ range .Messages }}{{ .ToolName }}{{ "
                    ".ToolCallID }}"
                    "{{ range .ToolCalls }}{{ .ID }}{{ .Function.Index }}{{ .Function.Name }}{{ "
                    ".Function.Arguments }}"
                    "{{ end }}{{ end }}",
                    {says(role::user, "U"),
                     calls("", {tool_call{"1", "f", json{{"a", 1}}}, tool_call{"2", "g", nullptr}}), result},
                    json{{{"function", {{"name", "t"}}}}}}),
              "t10f{\"a\": 1}21g{}f1");
    EXPECT_NE(text({mistral, {says(role::user, "U")}, json{{{"function", {{"name", "t"}}}}}})
                  .find("no place for tools"),
              std::string::npos);
}

// As the models of Llama 3.2 carry it.
const std::string llama =
    R"(<|start_header_id|>system<|end_header_id|>

Cutting Knowledge Date: December 2023

{{ if .System }}{{ .System }}
{{- end }}
{{- if .Tools }}When you receive a tool call response, use the output to format an answer to the orginal user question.

You are a helpful assistant with tool calling capabilities.
{{- end }}<|eot_id|>
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "user" }}<|start_header_id|>user<|end_header_id|>
{{- if and $.Tools $last }}

Given the following functions, please respond with a JSON for a function call.

{{ range $.Tools }}
{{- . }}
{{ end }}
{{ .Content }}<|eot_id|>
{{- else }}

{{ .Content }}<|eot_id|>
{{- end }}{{ if $last }}<|start_header_id|>assistant<|end_header_id|>

{{ end }}
{{- else if eq .Role "assistant" }}<|start_header_id|>assistant<|end_header_id|>
{{- if .ToolCalls }}
{{ range .ToolCalls }}
{"name": "{{ .Function.Name }}", "parameters": {{ .Function.Arguments }}}{{ end }}
{{- else }}

{{ .Content }}
{{- end }}{{ if not $last }}<|eot_id|>{{ end }}
{{- else if eq .Role "tool" }}<|start_header_id|>ipython<|end_header_id|>

{{ .Content }}<|eot_id|>{{ if $last }}<|start_header_id|>assistant<|end_header_id|>

{{ end }}
{{- end }}
{{- end }})";

TEST(template_prompt, runs_the_template_that_a_model_carries) {
    const std::string start =
        "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n\n";
    EXPECT_EQ(text({llama, talk, nullptr, thinking_mode::model_default, {}, {}, "llama3"}),
              start +
                  "S<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU1<|eot_id|>"
                  "<|start_header_id|>assistant<|end_header_id|>\n\nA1<|eot_id|>"
                  "<|start_header_id|>user<|end_header_id|>\n\nU2<|eot_id|>"
                  "<|start_header_id|>assistant<|end_header_id|>\n\n");
    EXPECT_EQ(text({llama,
                    {says(role::user, "U"), calls("", {tool_call{"", "f", json{{"a", 1}}}}),
                     says(role::tool, "R"), says(role::user, "V")},
                    json{{{"type", "function"}}},
                    thinking_mode::model_default,
                    {},
                    {},
                    "llama3"}),
              start +
                  "When you receive a tool call response, use the output to format an answer to the orginal "
                  "user question.\n\nYou are a helpful assistant with tool calling capabilities.<|eot_id|>"
                  "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
                  "<|start_header_id|>assistant<|end_header_id|>\n\n"
                  "{\"name\": \"f\", \"parameters\": {\"a\": 1}}<|eot_id|>"
                  "<|start_header_id|>ipython<|end_header_id|>\n\nR<|eot_id|>"
                  "<|start_header_id|>user<|end_header_id|>\n\n"
                  "Given the following functions, please respond with a JSON for a function call.\n\n"
                  "{\"type\": \"function\"}\n\nV<|eot_id|>"
                  "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(template_prompt, tells_the_template_what_thinking_is_wanted) {
    const std::string source =
        "{{ range .Messages }}{{ end }}{{ .IsThinkSet }} {{ .Think }} {{ .ThinkLevel }}";
    const std::vector<message> ask{says(role::user, "U")};
    EXPECT_EQ(text({source, ask}), "false false ");
    EXPECT_EQ(text({source, ask, nullptr, thinking_mode::on, "high"}), "true true high");
    EXPECT_EQ(text({source, ask, nullptr, thinking_mode::off}), "true false ");
}

TEST(template_prompt, tells_the_filter_where_the_model_stands) {
    const auto stands = [](const char* source, const char* format) {
        const auto prompt =
            rendered({source, {says(role::user, "U")}, nullptr, thinking_mode::on, {}, {}, format});
        return std::pair(prompt->thinking, prompt->starts_in_thinking);
    };
    EXPECT_EQ(stands("{{ .Prompt }}", "qwen3"), std::pair(true, false));
    EXPECT_EQ(stands("{{ .Prompt }}<think>\n", "qwen3"), std::pair(true, true));
    EXPECT_EQ(stands("{{ .Prompt }}<think>\n\n</think>\n\n", "qwen3"), std::pair(false, false));
    EXPECT_EQ(stands("{{ .Prompt }}<think>", "qwen2.5"), std::pair(false, false));
    const auto continued = rendered({mistral, {says(role::user, "U"), says(role::assistant, "It")}});
    EXPECT_FALSE(continued->thinking);
}

TEST(template_prompt, only_its_own_control_tokens_stand) {
    EXPECT_EQ(
        text({"<|im_start|>{{ range .Messages }}{{ .Content }}{{ range .ToolCalls }}{{ .Function.Arguments }}"
              "{{ end }}{{ end }}<|im_end|>",
              {says(role::user, "<|im_end|>"),
               calls("", {tool_call{"", "f", json{{"<|im_start|>", {"<|im_end|>"}}}}})}}),
        "<|im_start|>< |im_end|>{\"< |im_start|>\": [\"< |im_end|>\"]}<|im_end|>");
}

TEST(template_prompt, a_broken_one_is_refused_by_line_and_reason) {
    const auto broken = rendered({"a\n{{ if }}", {says(role::user, "U")}});
    ASSERT_FALSE(broken.has_value());
    EXPECT_EQ(broken.error().code, core::errc::refused);
    EXPECT_EQ(broken.error().message, "template: :2: missing value for if");
    EXPECT_EQ(text({"{{ .Prompt.x }}", {says(role::user, "U")}}),
              "refused: template: :1: can't evaluate field x in type string");
}

TEST(template_prompt, knows_the_date) {
    EXPECT_EQ(text({"{{ currentDate }} {{ .Prompt }}", {says(role::user, "U")}}), "2026-03-04 U");
}

}  // namespace
}  // namespace corral::chat::tests
