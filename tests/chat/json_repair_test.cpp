#include "chat/json/json_repair.hpp"

#include <gtest/gtest.h>

#include "chat/answer/tool_filter.hpp"
#include "chat/json/json_search.hpp"

namespace corral::chat {
namespace {

// The values, as JSON without spaces; "" when the text can't be repaired into JSON.
std::string repaired(std::string_view text, text_end end) {
    const auto values = repair_json(text, end);
    if (!values) {
        return {};
    }
    std::string out;
    for (const auto& one : values->values) {
        const auto tree = read_bounded_json(one);
        if (!tree) {
            return {};
        }
        out += (out.empty() ? "" : " ") + tree->dump();
    }
    return out;
}

TEST(json_repair, repairs_what_has_one_reading) {
    const std::pair<const char*, const char*> table[] = {
        {R"({"a": 1})", R"({"a":1})"},
        {R"({"a": 1,})", R"({"a":1})"},
        {R"({"a": [1, 2,],})", R"({"a":[1,2]})"},
        {R"({'a': 'it\'s "x"'})", R"({"a":"it's \"x\""})"},
        {R"({"a": True, "b": False, "c": None})", R"({"a":true,"b":false,"c":null})"},
        {R"({a: 1, $b_2: {c-d: 2}})", R"({"a":1,"$b_2":{"c-d":2}})"},
        {"{\"a\": \"one\ntwo\tthree\x01\"}", R"({"a":"one\ntwo\tthree\u0001"})"},
        {R"({"a": "\d+ \' \u12 \ud800 \ud83d\ude00"})",
         "{\"a\":\"\\\\d+ ' \\\\u12 \xEF\xBF\xBD \xF0\x9F\x98\x80\"}"},
        {R"({{"a": {{"b": 1}}}})", R"({"a":{"b":1}})"},
        {R"({{"a": {"b": 1}}})", R"({"a":{"b":1}})"},
        {R"({{"a": {"b": 1}})", R"({"a":{"b":1}})"},
        {R"({"a": {"b": [1, "2")", R"({"a":{"b":[1,"2"]}})"},
        {R"({"a": [{"b": 1]})", R"({"a":[{"b":1}]})"},
        {R"({"a": 1}}})", R"({"a":1})"},
        {R"({"a": 1}; {'b': 2},)", R"({"a":1} {"b":2})"},
    };
    for (const auto& [text, expected] : table) {
        EXPECT_EQ(repaired(text, text_end::certain), expected) << text;
    }
}

TEST(json_repair, leaves_alone_what_it_would_have_to_guess) {
    const char* const table[] = {
        "",
        "a",
        "1",
        "\"a\"",
        R"({"a": "no end)",
        R"({"a": 'no end"})",
        R"({"a")",
        R"({"a":)",
        R"({"a": })",
        R"({"a": Paris})",
        R"({"a": 1 "b": 2})",
        R"({"a": 1,, "b": 2})",
        R"({, "a": 1})",
        R"([,1])",
        R"({"a": 1)]",
        R"({"a": 01})",
        R"({"a": 1e999})",
        R"({"a": 1} and so on)",
        R"({1: 2})",
        R"({{{"a": 1}}})",
    };
    for (const auto* text : table) {
        EXPECT_EQ(repaired(text, text_end::certain), "") << text;
    }
}

TEST(json_repair, trusts_the_end_of_a_text_that_may_be_cut_less) {
    EXPECT_EQ(repaired(R"({"a": "x")", text_end::maybe_cut), R"({"a":"x"})");
    EXPECT_EQ(repaired(R"({"a": True)", text_end::maybe_cut), R"({"a":true})");
    EXPECT_EQ(repaired(R"({"a": 12)", text_end::maybe_cut), "");
    EXPECT_EQ(repaired(R"({"a": "x",)", text_end::maybe_cut), "");
    EXPECT_EQ(repaired(R"({"a": {)", text_end::maybe_cut), "");
    EXPECT_EQ(repaired(R"({"a": 12)", text_end::certain), R"({"a":12})");
    EXPECT_EQ(repaired(R"({"a": "x",)", text_end::certain), R"({"a":"x"})");
}

std::string nested(std::size_t depth) {
    std::string text(depth, '[');
    text.append(depth, ']');
    return text;
}

TEST(json_progress, keeps_depth_and_width_bounded) {
    EXPECT_TRUE(read_bounded_json(nested(max_json_depth)));
    EXPECT_FALSE(read_bounded_json(nested(max_json_depth + 1)));
    EXPECT_FALSE(read_bounded_json(nested(200'000)));
    EXPECT_FALSE(repair_json(nested(200'000), text_end::certain));
    std::string wide = "{\"k0\":0";
    for (std::uint32_t at = 1; at < max_json_members; ++at) {
        wide += ",\"k" + std::to_string(at) + "\":0";
    }
    EXPECT_TRUE(read_bounded_json(wide + "}"));
    EXPECT_FALSE(read_bounded_json(wide + ",\"more\":0}"));
}

TEST(json_progress, reads_one_object_or_array_and_nothing_else) {
    EXPECT_TRUE(read_bounded_json(" {\"a\": \"}\\\"\"} \n"));
    for (const char* text : {"", " ", "1", "\"a\"", "{} {}", "{]", "{\"a\": 1", "x{}", "{\"a\": tru}"}) {
        EXPECT_FALSE(read_bounded_json(text)) << text;
    }
}

std::string calls(std::string_view text, bool required = false, text_end end = text_end::certain) {
    std::string out;
    for (const auto& one : calls_in(text, {{"f", "g"}, required}, end)) {
        EXPECT_EQ(one.id, "");
        out += one.name;
        out += one.arguments.dump();
    }
    return out;
}

TEST(tool_call_text, reads_calls_in_their_usual_shapes) {
    const std::pair<const char*, const char*> table[] = {
        {R"({"name": "f", "arguments": {"z": 1, "a": 2}})", R"(f{"z":1,"a":2})"},
        {R"({"name": "f", "parameters": {"z": 1}})", R"(f{"z":1})"},
        {R"({"name": "f", "arguments": "{\"z\": 1}"})", R"(f{"z":1})"},
        {R"({"name": "f", "arguments": "{'z': True}"})", R"(f{"z":true})"},
        {R"({"name": "f", "arguments": ""})", "f{}"},
        {R"({"name": "f", "arguments": null})", "f{}"},
        {R"({"name": "f"})", "f{}"},
        {R"({"type": "function", "function": {"name": "f", "arguments": {}}})", "f{}"},
        {R"([{"name": "f"}, {"name": "g"}])", "f{}g{}"},
        {R"({"name": "f"} ; {"name": "g"})", "f{}g{}"},
        {R"({'name': 'f', 'arguments': {'z': None})", R"(f{"z":null})"},
    };
    for (const auto& [text, expected] : table) {
        EXPECT_EQ(calls(text), expected) << text;
    }
}

TEST(tool_call_text, takes_nothing_else_for_a_call) {
    const char* const table[] = {
        "",
        "[]",
        R"({"name": "h", "arguments": {}})",
        R"({"name": "F", "arguments": {}})",
        R"({"name": 1, "arguments": {}})",
        R"({"arguments": {}})",
        R"({"name": "f", "arguments": [1]})",
        R"({"name": "f", "arguments": 1})",
        R"({"name": "f", "arguments": "text"})",
        R"({"name": "f"} {"name": "h"})",
        R"([{"name": "f"}, 1])",
        R"("f")",
    };
    for (const auto* text : table) {
        EXPECT_EQ(calls(text), "") << text;
    }
    EXPECT_EQ(calls(R"({"name": "f"})", true), "");
    EXPECT_EQ(calls(R"({"name": "f")", false, text_end::maybe_cut), "");
    EXPECT_EQ(calls(R"({"name": "f", "arguments": {})", false, text_end::maybe_cut), "f{}");
}

}  // namespace
}  // namespace corral::chat
