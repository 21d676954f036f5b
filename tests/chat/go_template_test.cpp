#include "chat/go_template/go_template.hpp"

#include <random>

#include <gtest/gtest.h>

namespace corral::chat::go_template {
namespace {

using json = nlohmann::ordered_json;

const auto data = json::parse(R"json({
  "System": "S", "Prompt": "P<&>", "Empty": "", "Zero": 0, "Two": 2, "Half": 2.5, "Big": 12345678901, "Yes": true,
  "Nothing": null, "Word": "héllo",
  "List": ["a", "b", "c"], "None": [],
  "Map": {"b": 1, "a": "x"},
  "Messages": [
    {"role": "user", "content": "U"},
    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"x": "y", "n": [1]}}}]}
  ],
  "Tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"city": {"type": "string"}}}}}]
})json");

std::string run(const std::string& source) {
    const auto made = compiled::from(source);
    if (!made) {
        return "refused: " + made.error().message;
    }
    const auto text = made->execute(data, "2026-03-04");
    return text ? *text : "failed: " + text.error().message;
}

struct row {
    const char* source;
    const char* text;
};

void expect_all(std::initializer_list<row> table) {
    for (const auto& one : table) {
        EXPECT_EQ(run(one.source), one.text) << one.source;
    }
}

TEST(go_template, texts_actions_and_trim_markers) {
    expect_all({
        {"", ""},
        {"plain } }} text {", "plain } }} text {"},
        {"{{ .System }}", "S"},
        {"{{.System}}", "S"},
        {"a \n {{- .System -}} \t\n b", "aSb"},
        {"a {{- .System }} b", "aS b"},
        {"a {{ .System -}} b", "a Sb"},
        {"a {{-3}} b", "a -3 b"},
        {"x{{/* a comment }} */}}y", "xy"},
        {"x {{- /* c */ -}} y", "xy"},
        {"{{ .Map.a }}}", "x}"},
        {"{{\n .System\n}}", "S"},
        {"{{ .Nothing }}{{ .Missing }}{{ .Missing.Deeper }}{{ nil | print }}", ""},
    });
}

TEST(go_template, constants_and_printing) {
    expect_all({
        {R"({{ "a\n\"b\"\t\u00e9\x41\101" }})",
         "a\n\"b\"\té"
         "AA"},
        {"{{ `raw \\n {{` }}", "raw \\n {{"},
        {"{{ 'a' }} {{ '\\n' }} {{ 'é' }}", "97 10 233"},
        {"{{ 12 }} {{ -3 }} {{ 0x1f }} {{ 2.50 }} {{ 1e3 }} {{ true }} {{ false }}",
         "12 -3 31 2.5 1000 true false"},
        {"{{ .Two }} {{ .Half }} {{ .Big }} {{ .Yes }}", "2 2.5 12345678901 true"},
        {"{{ .List }} {{ .Map }}", R"(["a", "b", "c"] {"b": 1, "a": "x"})"},
        {"{{ .Prompt }}", "P<&>"},
        {"{{ html .Prompt }}", "P&lt;&amp;&gt;"},
        {"{{ json .Prompt }}", "\"P<&>\""},
        {R"({{ print "a" 1 2 "b" 3 }} {{ print 1 2 }})", "a1 2b3 1 2"},
        {R"({{ println "a" 1 }})", "a 1\n"},
        {R"({{ printf "%s-%d-%v-%q-%5s|%-5s|%05d|%.1f|%t|%%" "a" 2 true "q\"" "r" "l" 42 2.55 .Yes }})",
         "a-2-true-\"q\\\"\"-    r|l    |00042|2.5|true|%"},
        {R"({{ printf "%s" .List }} {{ printf "%d" "x" }} {{ printf "%d" }} {{ printf "%x %c %.2s" 255 65 "héy" }})",
         R"(["a", "b", "c"] %!d(string=x) %!d(MISSING) ff A hé)"},
        {"{{ currentDate }}", "2026-03-04"},
    });
}

TEST(go_template, truth_and_branches) {
    expect_all({
        {"{{ if .System }}y{{ else }}n{{ end }}", "y"},
        {"{{ if .Empty }}y{{ else }}n{{ end }}", "n"},
        {"{{ if .Zero }}y{{ else if .Nothing }}m{{ else if .None }}o{{ else }}n{{ end }}", "n"},
        {"{{ if .Zero }}y{{ else if .Two }}m{{ end }}", "m"},
        {"{{ if and .Yes .System }}y{{ end }}{{ if or .Empty .Zero }}n{{ end }}{{ if not .Empty }}z{{ end }}",
         "yz"},
        {"{{ and .Yes 0 .System }} {{ or .Empty \"d\" }}", "0 d"},
        {"{{ if and .Nothing (index .None 3) }}{{ else }}short{{ end }}", "short"},
        {"{{ with .Map }}{{ .a }}{{ $.System }}{{ end }}{{ with .Empty }}n{{ else }}e{{ end }}", "xSe"},
        {"{{ with .Empty }}n{{ else with .Map }}{{ .a }}{{ end }}", "x"},
        {"{{ with $x := .System }}{{ $x }}{{ . }}{{ end }}", "SS"},
        {R"({{ eq .System "S" }} {{ eq .Two 1 2 }} {{ ne .System "T" }} {{ eq .Missing "a" }} {{ eq .Two 2.0 }})",
         "true true true false true"},
        {R"({{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1.5 2 }})", "true true true false"},
    });
}

TEST(go_template, ranges_and_variables) {
    expect_all({
        {"{{ range .List }}{{ . }}{{ end }}", "abc"},
        {"{{ range $i, $e := .List }}{{ $i }}{{ $e }}{{ end }}", "0a1b2c"},
        {"{{ range $e := .List }}{{ $e }}{{ end }}", "abc"},
        {"{{ range $k, $v := .Map }}{{ $k }}={{ $v }};{{ end }}", "b=1;a=x;"},
        {"{{ range .None }}x{{ else }}none{{ end }}{{ range .Missing }}x{{ else }}none{{ end }}", "nonenone"},
        {"{{ range .List }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"},
        {"{{ range .List }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"},
        {"{{ range 3 }}{{ . }}{{ end }}", "012"},
        {"{{ $x := 1 }}{{ range .List }}{{ $x = . }}{{ end }}{{ $x }}", "c"},
        {"{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"},
        {"{{ range $i, $m := .Messages }}{{ if eq (len (slice $.Messages $i)) 1 }}{{ .Role }}{{ end }}{{ end "
         "}}",
         "assistant"},
        {"{{ range .List }}{{ range $.List }}{{ break }}{{ end }}{{ . }}{{ end }}", "abc"},
    });
}

TEST(go_template, pipelines_fields_and_functions) {
    expect_all({
        {"{{ .System | printf \"%s%s\" \"a\" }}", "aS"},
        {"{{ (index .Messages 0).Content }}{{ (index .Messages 0).Role | len }}", "U4"},
        {"{{ index .List 1 }}{{ index .Map \"a\" }}{{ index .Word 0 }}", "bx104"},
        {"{{ slice .List 1 }} {{ slice .List 0 1 }} {{ slice .Word 0 2 }}|{{ slice .Word 3 }}",
         R"(["b", "c"] ["a"] h|llo)"},
        {"{{ len .List }}{{ len .Word }}{{ len .Missing }}", "360"},
        {"{{ range .Messages }}{{ range .ToolCalls }}{{ .Function.Name }} {{ .Function.Arguments }} "
         "{{ json .Function.Arguments.n }}{{ end }}{{ end }}",
         R"(f {"x": "y", "n": [1]} [1])"},
        {"{{ range .Tools }}{{ . }}{{ end }}",
         R"({"type": "function", "function": {"name": "f", "parameters": {"properties": {"city": {"type": "string"}}}}})"},
        {"{{ range $n, $p := (index .Tools 0).Function.Parameters.Properties }}{{ $n }}:{{ $p.Type }}{{ end "
         "}}",
         "city:string"},
        {"{{ $.Tools | json | len }}", "109"},
        {R"({{ define "t" }}[{{ . }}]{{ end }}{{ template "t" .System }}{{ block "u" .Two }}<{{ . }}>{{ end }})",
         "[S]<2>"},
    });
}

TEST(go_template, what_is_broken_is_refused_with_its_line) {
    expect_all({
        {"a\nb {{ .System", "refused: template: :2: unclosed action"},
        {"{{ foo }}", "refused: template: :1: function \"foo\" not defined"},
        {"\n\n{{ if .X }}", "refused: template: :3: unexpected EOF: {{if}} without {{end}}"},
        {"{{ end }}", "refused: template: :1: unexpected {{end}}"},
        {"{{ else }}", "refused: template: :1: unexpected {{else}}"},
        {"{{ if }}x{{ end }}", "refused: template: :1: missing value for if"},
        {"{{ }}", "refused: template: :1: missing value for command"},
        {"{{ $x }}", "refused: template: :1: undefined variable \"$x\""},
        {"{{ $x = 1 }}", "refused: template: :1: undefined variable \"$x\""},
        {"{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "refused: template: :1: undefined variable \"$x\""},
        {"{{ break }}", "refused: template: :1: {{break}} outside {{range}}"},
        {"{{ \"a }}", "refused: template: :1: unterminated quoted string"},
        {"{{ \"\\xff\" }}", "refused: template: :1: wrong escape in a quoted text"},
        {"{{ /* x }}", "refused: template: :1: unexpected character: /"},
        {"{{/* x }}", "refused: template: :1: unclosed comment"},
        {"{{ (1 }}", "refused: template: :1: unclosed left paren"},
        {"{{ 1) }}", "refused: template: :1: unexpected text in command"},
        {"{{ 1x }}", "refused: template: :1: bad number syntax: \"1x\""},
        {"{{ .A ! }}", "refused: template: :1: unexpected character: !"},
        {"{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}", "refused: template: :1: unexpected {{define}}"},
        {"{{ .System 1 }}", "failed: template: :1: can't give argument to non-function"},
        {"{{ 1 | .System }}", "failed: template: :1: can't give argument to non-function"},
        {"x\n{{ .System.Deeper }}", "failed: template: :2: can't evaluate field Deeper in type string"},
        {"{{ index .List 3 }}", "failed: template: :1: error calling index: index out of range: 3"},
        {"{{ slice .List 2 1 }}", "failed: template: :1: error calling slice: invalid slice index: 2 > 1"},
        {"{{ lt .List 1 }}", "failed: template: :1: error calling lt: incompatible types for comparison"},
        {"{{ eq .List .List }}", "failed: template: :1: error calling eq: non-comparable types"},
        {"{{ not }}", "failed: template: :1: wrong number of args for not: got 0"},
        {"{{ range .System }}{{ end }}", "failed: template: :1: range can't iterate over string"},
        {"{{ template \"x\" }}", "failed: template: :1: template \"x\" not defined"},
    });
}

std::string repeated(std::string_view what, std::size_t times) {
    std::string out;
    for (std::size_t left = times; left > 0; --left) {
        out += what;
    }
    return out;
}

TEST(go_template, hostile_templates_end) {
    const auto ends_with = [](const std::string& source, const char* reason) {
        const auto text = run(source);
        EXPECT_NE(text.find(reason), std::string::npos)
            << source.substr(0, 80) << " -> " << text.substr(0, 200);
    };
    ends_with("{{ range 1000000000 }}{{ end }}", "takes too many steps");
    ends_with("{{ range 3000 }}{{ range 3000 }}{{ $.System }}{{ end }}{{ end }}", "takes too many steps");
    ends_with(R"({{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }})", "too deeply");
    ends_with(R"({{ define "t" }}{{ template "t" . }}{{ template "t" . }}{{ end }}{{ template "t" . }})",
              "too deeply");
    ends_with("{{ $x := \"aaaaaaaa\" }}{{ range 40 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}{{ $x }}",
              "takes too many steps");
    ends_with("{{ range 100000 }}" + repeated("x", 1000) + "{{ end }}", "writes too long a text");
    ends_with("{{ range 20000 }}{{ $x := and " + repeated("1 ", 30'000) + "}}{{ end }}",
              "takes too many steps");
    ends_with(repeated("{{ $a := 1 }}", 4900) + "{{ range 40000 }}{{ $x := $ }}{{ end }}",
              "takes too many steps");
    const std::string wide = R"({{ $w := printf "%1000s%1000s" "" "" }}{{ $x := )";
    for (const std::string function : {"print ", "println ", "html "}) {
        ends_with(wide + function + repeated("$w ", 10'000) + "}}", "takes too many steps");
    }
    ends_with(wide + "printf \"" + repeated("%v", 10'000) + "\" " + repeated("$w ", 10'000) + "}}",
              "takes too many steps");
    ends_with(repeated("{{ if true }}", 200) + repeated("{{ end }}", 200), "nested too deeply");
    ends_with("{{ if 1 }}" + repeated("{{ else if 1 }}", 200) + "{{ end }}", "nested too deeply");
    ends_with("{{ " + repeated("(", 200) + "1" + repeated(")", 200) + " }}", "nested too deeply");
    ends_with(repeated("x", 70'000), "longer than 65536 bytes");
}

bool whole_characters(const std::string& text) {
    using handler = json::error_handler_t;
    return json(text).dump(-1, ' ', false, handler::ignore) ==
           json(text).dump(-1, ' ', false, handler::replace);
}

// Parts of templates in any order: some parse, some don't, all end, and no half character comes out.
TEST(go_template, any_text_is_a_template_or_refused) {
    const char* const parts[] = {
        "{{",
        "}}",
        "{{ ",
        " }}",
        "{{- ",
        " -}}",
        "if ",
        "else ",
        "end ",
        "range ",
        "with ",
        "define ",
        "template ",
        "block ",
        "break",
        "continue",
        "$",
        "$x",
        " := ",
        " = ",
        ", ",
        "| ",
        "(",
        ")",
        ".",
        ".Messages",
        ".Role",
        " .System ",
        "\"a\" ",
        "`b`",
        "'c'",
        "1",
        "-2 ",
        "3.5 ",
        "printf ",
        "\"%5.2s\"",
        "slice .Word ",
        "index ",
        "len ",
        "json ",
        "eq ",
        "and ",
        "é",
        "\n",
        "/* ",
        "*/",
        "\\",
        "nil ",
        "{{ if .Yes }}",
        "{{ end }}",
        "{{ range .List }}",
        "{{ else }}",
        "{{ . }}",
        "{{ $x := .List }}",
        "{{ $x }}",
    };
    std::mt19937 random(20'266);
    int good = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string source;
        for (auto left = random() % 12; left > 0; --left) {
            source += parts[random() % std::size(parts)];
        }
        const auto made = compiled::from(source);
        const auto out = made ? made->execute(data, "2026-03-04", round % 2 == 0) : made.error();
        good += out ? 1 : 0;
        ASSERT_TRUE(!out || whole_characters(*out)) << source;
        ASSERT_TRUE(out || out.error().message.text().starts_with("template: :")) << source;
    }
    EXPECT_GT(good, 1000);
}

TEST(go_template, names_what_it_uses_and_stops_at_the_response) {
    const auto made = compiled::from(
        "{{ if .Prompt }}[{{ .Prompt }}]{{ end }}{{ if .Response }}({{ .Response }}<end>){{ end }}!");
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(made->mentions("Prompt"));
    EXPECT_FALSE(made->mentions("Messages"));
    const json with{{"Prompt", "p"}, {"Response", "r"}};
    EXPECT_EQ(*made->execute(with, "", false), "[p](r<end>)!");
    EXPECT_EQ(*made->execute(with, "", true), "[p](r");
    EXPECT_EQ(*made->execute({{"Prompt", "p"}}, "", true), "[p]");
}

}  // namespace
}  // namespace corral::chat::go_template
