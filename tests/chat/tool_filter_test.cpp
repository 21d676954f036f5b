#include "chat/answer/tool_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter_run.hpp"

namespace corral::chat::tests {
namespace {

using lines = std::vector<std::string>;

struct sample {
    const char* raw;
    lines expected;
    std::vector<std::string> stops{};
};

family made_family(tool_style style) {
    family made{};
    made.name = "made for the test";
    made.end_texts = {"<|end|>"};
    made.tools = style;
    made.thinks = style == tool_style::hermes;
    return made;
}

// The thing under test is the style, whoever uses it.
const family& family_of(tool_style style) {
    static const family hermes = made_family(tool_style::hermes);
    static const family llama = made_family(tool_style::llama_json);
    static const family none = made_family(tool_style::none);
    return style == tool_style::hermes ? hermes : style == tool_style::llama_json ? llama : none;
}

filter_options options(tool_style style, bool separate = false) {
    filter_options how;
    how.format = &family_of(style);
    how.separate_thinking = separate;
    how.tool_names = {"get_weather", "f"};
    return how;
}

// Whole, byte by byte, and cut in two everywhere.
void expect_same_for_all_cuts(filter_options how, const sample& one) {
    how.stops = one.stops;
    const std::string raw = one.raw;
    const auto whole = run_filter(how, {raw});
    EXPECT_EQ(whole.lines, one.expected) << raw;
    EXPECT_EQ(whole.problem, "") << raw;
    for (std::size_t cut = 0; cut <= raw.size(); ++cut) {
        const auto halves = run_filter(how, {raw.substr(0, cut), raw.substr(cut)});
        EXPECT_EQ(halves.lines, one.expected) << raw << " cut at " << cut;
        EXPECT_EQ(halves.problem, "") << raw;
    }
    std::vector<std::string> bytes;
    for (const char byte : raw) {
        bytes.emplace_back(1, byte);
    }
    const auto drip = run_filter(how, bytes);
    EXPECT_EQ(drip.lines, one.expected) << raw << " byte by byte";
    EXPECT_EQ(drip.problem, "") << raw;
}

TEST(tool_filter, calls_between_tags) {
    const sample table[] = {
        {"<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"at\": [1, "
         "2]}}\n</tool_call>",
         {R"(call: get_weather {"city":"Paris","at":[1,2]})"}},
        {"Let me see. "
         "\n<tool_call>{\"name\":\"f\"}</tool_call>\n<tool_call>{\"name\":\"f\",\"parameters\":{\"x\":1}}"
         "</tool_call>\n\nDone. \n",
         {"text: Let me see.", "call: f {}", R"(call: f {"x":1})", "text: Done. \n"}},
        {"\n\n<tool_call>{\"name\":\"f\"}</tool_call> \n", {"call: f {}"}},
        {"<tool_call>{\"name\":\"f\"}</tool_call> and <tool_call>{\"name\":\"f\"}</tool_call>",
         {"call: f {}", "text: and", "call: f {}"}},
        {"<tool_call>{\"name\":\"f\",\"arguments\":{\"t\":\"</tool_call>\\\"<tool_call>\"}}</tool_call>!",
         {R"(call: f {"t":"</tool_call>\"<tool_call>"})", "text: !"}},
        {"<tool_call>{\"name\":\"f\"}\n{\"name\":\"f\"}</tool_call>", {"call: f {}", "call: f {}"}},
        {"<tool_call>{\"name\":\"f\"}\n{\"name\":\"f\",\"arguments\":{\"t\":\"</tool_call>\"}}\n</"
         "tool_call>.",
         {"call: f {}", R"(call: f {"t":"</tool_call>"})", "text: ."}},
        {"<tool_call>[{\"name\":\"f\"},{\"name\":\"f\"}]</tool_call>", {"call: f {}", "call: f {}"}},
        {"<tool_call>{\"name\":\"f\"}<tool_call>{\"name\":\"f\"}</tool_call>", {"call: f {}", "call: f {}"}},
        {"a <tool_call>{\"name\":\"f\",\"arguments\":{\"t\":\"\xC3\xA9\xF0\x9F\x8D\xBA\"}}</tool_call>\xC3",
         {"text: a", "call: f {\"t\":\"\xC3\xA9\xF0\x9F\x8D\xBA\"}", "text: \xEF\xBF\xBD"}},
        {"<tool_call>{\"name\":\"f\"}</tool_call><|end|>more", {"call: f {}", "stopped"}},
        {"plain text \n", {"text: plain text \n"}},
        {"", {}},
    };
    for (const auto& one : table) {
        expect_same_for_all_cuts(options(tool_style::hermes), one);
    }
}

TEST(tool_filter, calls_that_end_with_the_run) {
    const sample table[] = {
        {"<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}", {R"(call: f {"x":1})"}},
        {"<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1}}\n</tool_ca", {R"(call: f {"x":1})"}},
        {"<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"1\"}", {R"(call: f {"x":"1"})"}},
        {"<tool_call>{'name':'f','arguments':{'x':'1'}}</tool", {R"(call: f {"x":"1"})"}},
        {"a <tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1",
         {"text: a <tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1"}},
        {"<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"1",
         {"text: <tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"1"}},
        {"<tool_call>{\"name\":\"f\"", {"text: <tool_call>{\"name\":\"f\""}},
        {"a\n<tool_call>\n", {"text: a\n<tool_call>\n"}},
        {"a\n<tool_cal", {"text: a\n<tool_cal"}},
        // Stop strings see the raw text.
        {"x <tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"aSTOPb\"}}</tool_call>",
         {"text: x", "stopped"},
         {"STOP"}},
        {"<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"a\"}}</tool_call>",
         {R"(call: f {"x":"a"})", "stopped"},
         {"}}"}},
        {"<tool_call>{\"name\":\"f\"}</tool_call> b", {"call: f {}", "stopped"}, {"</tool_call>"}},
    };
    for (const auto& one : table) {
        expect_same_for_all_cuts(options(tool_style::hermes), one);
    }
}

TEST(tool_filter, broken_calls_are_repaired_or_come_as_they_were_written) {
    const sample table[] = {
        {"<tool_call>{'name': 'f', 'arguments': {'x': True,},}</tool_call>", {R"(call: f {"x":true})"}},
        {"<tool_call>\n{{\"name\": \"f\", \"arguments\": {{\"x\": 1}}}}\n</tool_call>",
         {R"(call: f {"x":1})"}},
        {"<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \"a\nb\"}}</tool_call>",
         {R"(call: f {"x":"a\nb"})"}},
        {"<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}</tool_call>", {R"(call: f {"x":1})"}},
        {"<tool_call>{\"name\": \"f\", \"arguments\": {\"t\": \"</tool_call>\"}}}</tool_call>",
         {R"(call: f {"t":"</tool_call>"})"}},
        {"<tool_call>{name: \"f\", arguments: {}}</tool_call>", {"call: f {}"}},
        {"a <tool_call> {\"name\": \"rm\", \"arguments\": {}} </tool_call> b",
         {"text: a <tool_call> {\"name\": \"rm\", \"arguments\": {}} </tool_call> b"}},
        {"a <tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \"1}}</tool_call> b",
         {"text: a <tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \"1}}</tool_call> b"}},
        {"<tool_call>{\"x\": \"</tool_call>\n<tool_call>{\"name\":\"f\"}</tool_call>",
         {"text: <tool_call>{\"x\": \"</tool_call>", "call: f {}"}},
        {"<tool_call>{\"x\": \"</tool_call> <tool_call>{}</tool_call>",
         {"text: <tool_call>{\"x\": \"</tool_call> <tool_call>{}</tool_call>"}},
        {"Write <tool_call> first.\n<tool_call>{\"name\":\"f\"}</tool_call>",
         {"text: Write <tool_call> first.", "call: f {}"}},
        {"<tool_call>{\"name\":\"f\"}</tool_call>\n<tool_call>{nonsense}</tool_call>\n",
         {"call: f {}", "text: <tool_call>{nonsense}</tool_call>\n"}},
        {"<tool_call>{nonsense} <tool_call>{\"name\":\"f\"}</tool_call>",
         {"text: <tool_call>{nonsense} ", "call: f {}"}},
        {"</tool_call>", {"text: </tool_call>"}},
        {"<tool_call></tool_call>", {"text: <tool_call></tool_call>"}},
    };
    for (const auto& one : table) {
        expect_same_for_all_cuts(options(tool_style::hermes), one);
    }
}

TEST(tool_filter, a_call_ends_the_thinking) {
    const sample table[] = {
        {"<think>\nHm. \n<tool_call>{\"name\":\"f\"}</tool_call> ok",
         {"thinking: Hm.", "call: f {}", "text: ok"}},
        {"<think>\nHm.\n</think>\n\nSo:\n<tool_call>{\"name\":\"f\"}</tool_call>",
         {"thinking: Hm.", "text: So:", "call: f {}"}},
        {"<think><tool_call>{\"name\":\"f\"}</tool_call>", {"call: f {}"}},
        {"<think>\nThe <tool_cal is no tag. </think>Yes",
         {"thinking: The <tool_cal is no tag.", "text: Yes"}},
        {"<think>Hm. <tool_call>broken", {"thinking: Hm.", "text: <tool_call>broken"}},
    };
    for (const auto& one : table) {
        expect_same_for_all_cuts(options(tool_style::hermes, true), one);
    }
    const sample off{"<think>\n\n</think>\n\n<tool_call>{\"name\":\"f\"}</tool_call>", {"call: f {}"}};
    expect_same_for_all_cuts(options(tool_style::hermes, true), off);
}

TEST(tool_filter, bare_calls) {
    const char* const quoted = "\n {\"name\": \"get_weather\", \"parameters\": {\"city\": \"Pa}ris\"}}";
    const sample table[] = {
        {quoted, {R"(call: get_weather {"city":"Pa}ris"})"}},
        {"{\"name\":\"f\",\"parameters\":{}}; {\"name\":\"f\",\"arguments\":{\"x\":1}} \n",
         {"call: f {}", R"(call: f {"x":1})"}},
        {"{\"name\":\"f\",\"parameters\":{}}\n{\"name\":\"f\",\"parameters\":{}};",
         {"call: f {}", "call: f {}"}},
        {"{\"name\":\"f\",\"parameters\":{}}}<|end|>", {"call: f {}", "stopped"}},
        {"{\"name\":\"f\",\"parameters\":{}} is the call", {"call: f {}", "text: is the call"}},
        {"{\"name\":\"f\",\"parameters\":{}}; {\"a\":1} b", {"call: f {}", "text: ; {\"a\":1} b"}},
        {"<|python_tag|>{\"name\":\"f\",\"parameters\":{}}", {"call: f {}"}},
        {"See: \n<|python_tag|> "
         "{\"name\":\"f\",\"parameters\":{}}<|python_tag|>{\"name\":\"f\",\"parameters\":{}}",
         {"text: See:", "call: f {}", "call: f {}"}},
        {"{'name': 'f', 'parameters': {'x': None}}", {R"(call: f {"x":null})"}},
        {"{\"name\": \"f\", \"parameters\": {\"x\": True,}}; {\"name\":\"f\",\"parameters\":{}}",
         {R"(call: f {"x":true})", "call: f {}"}},
        {"{{\"name\": \"f\", \"parameters\": {{\"x\": 1}}}}", {R"(call: f {"x":1})"}},
        {"{\"name\": \"f\", \"parameters\": {\"x\": \"1\"}", {R"(call: f {"x":"1"})"}},
    };
    for (const auto& one : table) {
        expect_same_for_all_cuts(options(tool_style::llama_json), one);
    }
}

// What the prompt ends with is no part of the answer, unless it becomes a call.
TEST(tool_filter, a_begun_call_that_the_model_does_not_go_on_with_is_no_text) {
    filter_options how = options(tool_style::hermes);
    how.call_begun = "<tool_call>\n{\"name\": \"f\", \"arguments\":";
    const sample samples[] = {
        {"Hello!", {"text: Hello!"}},
        {"Hello!</tool_call> and more", {"text: Hello!</tool_call> and more"}},
        {"{\"a\": 1}}\n</tool_call>", {R"(call: f {"a":1})"}},
        {"Hello!</tool_call>\n<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>",
         {"text: Hello!</tool_call>", "call: f {}"}},
        {"", {}},
    };
    for (const sample& one : samples) {
        expect_same_for_all_cuts(how, one);
    }
    how = options(tool_style::llama_json);
    how.call_begun = "{\"name\": \"f\", \"parameters\":";
    expect_same_for_all_cuts(how, {"Hello!", {"text: Hello!"}});
}

// The runtime is stopped by what stands behind, for most models end with their call.
TEST(tool_filter, of_several_calls_the_first_where_no_more_are_wanted) {
    filter_options how = options(tool_style::hermes, true);
    how.one_call = true;
    const std::string call = R"(<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>)";
    const std::string both =
        R"(<tool_call>[{"name": "f", "arguments": {"a": 1}}, {"name": "f"}]</tool_call>)";
    const std::string hidden = "<think>\nHm.\n</think>\n\nSo:\n" + call + "\n" + call + "END";
    const std::string seen = R"(call: f {"a":1})";
    expect_same_for_all_cuts(how, {call.c_str(), {seen}});
    for (const char* const more : {call.c_str(), " Done.", "<tool_cal"}) {
        expect_same_for_all_cuts(how, {(call + "\n" + more).c_str(), {seen, "stopped"}});
    }
    expect_same_for_all_cuts(how, {(call + " \n<|end|>").c_str(), {seen, "stopped"}});
    expect_same_for_all_cuts(how, {both.c_str(), {seen, "stopped"}});
    expect_same_for_all_cuts(how, {hidden.c_str(), {"thinking: Hm.", "text: So:", seen, "stopped"}, {"END"}});
    expect_same_for_all_cuts(how, {"Nothing to call.", {"text: Nothing to call."}});
    how.format = &family_of(tool_style::llama_json);
    const std::string bare = R"({"name": "f", "parameters": {"a": 1}})";
    expect_same_for_all_cuts(how, {(bare + "; " + bare).c_str(), {seen, "stopped"}});
    expect_same_for_all_cuts(how, {bare.c_str(), {seen}});
}

TEST(tool_filter, separators_of_bare_calls_are_few) {
    const std::string call = "{\"name\":\"f\",\"parameters\":{}}";
    for (const std::size_t count : {1U, 64U, 65U, 200U}) {
        std::string tail(count, ';');
        tail += call;
        const std::string raw = call + tail;
        const std::string second = count <= 64 ? "call: f {}" : "text: " + tail;
        expect_same_for_all_cuts(options(tool_style::llama_json), {raw.c_str(), {"call: f {}", second}});
    }
}

TEST(tool_filter, an_answer_is_no_bare_call) {
    const char* const table[] = {
        "Use {\"name\":\"f\",\"parameters\":{}}.",
        "{\"name\":\"f\"}",
        " {\"name\":\"rm\",\"parameters\":{}} ",
        "{\"answer\": 42}\n{\"name\":\"f\",\"parameters\":{}}",
        "{a, b} is a set",
        "{\"name\":\"f\",\"parameters\":{\"x\":1",
        "[{\"name\":\"f\",\"parameters\":{}}]",
        "<|python_tag|>f.call(x=1) <|python_ta",
        "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>",
        " \n",
    };
    for (const auto* raw : table) {
        expect_same_for_all_cuts(options(tool_style::llama_json), {raw, {std::string("text: ") + raw}});
    }
}

TEST(tool_filter, without_declared_tools_or_a_style_nothing_is_a_call) {
    const char* const raw = "a <tool_call>{\"name\":\"f\"}</tool_call>";
    auto how = options(tool_style::hermes);
    how.tool_names.clear();
    expect_same_for_all_cuts(how, {raw, {std::string("text: ") + raw}});
    expect_same_for_all_cuts(options(tool_style::none), {raw, {std::string("text: ") + raw}});
}

TEST(tool_filter, gives_each_call_and_each_text_as_soon_as_it_is_certain) {
    struct step {
        const char* piece;
        lines seen;
    };
    const step steps[] = {
        {"Let me", {"text: Let me"}},
        {" see <", {"text:  see"}},
        {"b> now.\n", {"text:  <b> now."}},
        {"<tool_", {}},
        {"call>\n{\"name\": \"f\", \"argu", {}},
        {"ments\": {\"x\": 1}}\n</tool_call", {}},
        {">", {R"(call: f {"x":1})"}},
        {"\n", {}},
        {"<tool_call>{\"name\":\"f\"}</tool_call>\nAnd ", {"call: f {}", "text: And"}},
        {"<tool_call> is", {"text:  <tool_call> is"}},
        {" a tag", {"text:  a tag"}},
    };
    tool_filter filter(*syntax_of(tool_style::hermes), {"f"});
    for (const auto& one : steps) {
        lines seen;
        for (const auto& event : filter.feed(one.piece)) {
            if (const auto* call = std::get_if<tool_call_event>(&event)) {
                seen.push_back("call: " + call->call.name + " " + call->call.arguments.dump());
            } else {
                seen.push_back("text: " + std::get<text_event>(event).text);
            }
        }
        EXPECT_EQ(seen, one.seen) << one.piece;
    }
}

std::string text_of(const std::vector<generation_event>& events) {
    std::string text;
    for (const auto& event : events) {
        text += std::get<text_event>(event).text;
    }
    return text;
}

TEST(tool_filter, holds_no_more_than_one_bounded_call) {
    constexpr std::size_t bound = 40;
    for (const auto style : {tool_style::hermes, tool_style::llama_json}) {
        for (const char* begin : {"{\"name\": \"", "{broken' ", " \n ", "{\"name\":\"f\"} \n"}) {
            std::string raw = style == tool_style::hermes ? "<tool_call>" : "<|python_tag|>";
            raw += begin;
            raw.append(10 * bound, begin[0] == ' ' ? ' ' : 'x');
            tool_filter whole(*syntax_of(style), {"f"}, bound);
            const auto shown = text_of(whole.feed(raw));
            EXPECT_GE(shown.size() + bound, raw.find_last_not_of(' ')) << raw;
            EXPECT_EQ(shown + text_of(whole.finish(false)), raw);
            tool_filter drip(*syntax_of(style), {"f"}, bound);
            std::string dripped;
            for (const char byte : raw) {
                dripped += text_of(drip.feed(std::string_view(&byte, 1)));
            }
            EXPECT_EQ(dripped + text_of(drip.finish(false)), raw);
        }
    }
}

}  // namespace
}  // namespace corral::chat::tests
