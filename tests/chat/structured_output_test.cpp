#include "corral/chat/structured_output.hpp"

#include <ctime>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

using nlohmann::ordered_json;

format_plan plan_of(const std::string& format) {
    auto made = format_plan::make(ordered_json::parse(format));
    EXPECT_TRUE(made) << format << ": " << (made ? std::string() : made.error().message.text());
    return *made;
}

// The text for the client, or "! " and the violation.
std::string read(const std::string& format, const std::string& answer, bool cut = false,
                 std::string begun = {}) {
    format_reader reader(plan_of(format), std::move(begun));
    reader.feed(answer);
    const auto out = reader.finish(cut);
    return out ? *out : "! " + out.error().message;
}

std::string refusal(const std::string& schema) {
    const auto made = format_plan::make(ordered_json::parse(schema), schema_rule::checked_whole);
    return made ? std::string() : made.error().message.text();
}

const std::string person =
    R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0}},"required":["name","age"]})";

TEST(structured_output, finds_the_value_in_what_models_write) {
    struct row {
        std::string answer, wanted;
    };
    const std::string fit = R"({"name": "Ada", "age": 36})";
    const std::vector<row> rows{
        {fit, fit},
        {"\n  " + fit + "\n\n", fit},
        {"```json\n" + fit + "\n```", fit},
        {"```\n" + fit + "\n```\nThat is all.", fit},
        {"Sure! Here it is:\n```json\n" + fit + "\n```\nAnything else?", fit},
        {"The answer is " + fit + ".", fit},
        {"As {you} asked [1]: " + fit + " as in {\"name\":\"Bob\"}", fit},
        {"First try: {\"name\": 1, \"age\": 2}\nNo: " + fit, fit},
        {"[" + fit, fit},
        // The words of the model are kept: order, white space, escapes.
        {R"({"age" :1,"name":"\u00e9 {}"})", R"({"age" :1,"name":"\u00e9 {}"})"},
        // Repaired where there is one way to read it.
        {R"({"name": "Ada", "age": 36,})", R"({"name":"Ada","age":36})"},
        {R"({'name': 'Ada', 'age': 36})", R"({"name":"Ada","age":36})"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(read(person, each.answer), each.wanted) << each.answer;
    }
}

TEST(structured_output, tells_the_first_violation_with_its_place) {
    struct row {
        std::string schema, answer, wanted;
    };
    const std::vector<row> rows{
        {person, R"({"name":"Ada","age":"old"})", "$.age: expected integer, got string"},
        {person, R"({"name":"Ada","age":1.5})", "$.age: expected integer, got number"},
        {person, R"({"name":"Ada"})", "$: the property \"age\" is missing"},
        {person, R"({"name":"Ada","age":-1})", "$.age: expected number greater than or equal to 0.000000"},
        {person, R"([1])", "$: expected object, got array"},
        {person, "I can't do that.", "$: there is no JSON in the answer"},
        {person, R"({"name": "Ada", "age)", "$: the JSON in the answer is broken or not complete"},
        {R"({"type":"array","items":{"type":"object","properties":{"a b":{"type":"boolean"}}}})",
         R"([{"a b":true},{"a b":1}])", R"($[1]["a b"]: expected boolean, got integer)"},
        {R"({"type":"object","properties":{"a":{}},"additionalProperties":false})", R"({"a":1,"b":2})",
         "$: the property \"b\" is not allowed"},
        {R"({"enum":["x","y"]})", "\"z\"", R"($: expected one of "x", "y")"},
        {R"({"const":3})", "4", "$: expected 3"},
        {R"({"type":["string","null"]})", "4", "$: expected string or null, got integer"},
        {R"({"type":"string","pattern":"^a+$"})", "\"ab\"", "$: does not match the pattern ^a+$"},
        {R"({"type":"number","multipleOf":0.1})", "0.25", "$: expected a multiple of 0.1"},
        {R"({"properties":{"a":false}})", R"({"a":1})", "$.a: nothing is allowed here"},
        {R"({"type":"array","uniqueItems":true})", "[1,2,1]",
         "$: elements at indexes #0 and #2 violate uniqueness constraint"},
        {R"({"prefixItems":[{"type":"string"},{"type":"integer"}],"items":false})", R"(["a","b"])",
         "$[1]: expected integer, got string"},
        {R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})", "$: missing dependency 'b'"},
        {R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "4", "$: expected string, got integer"},
        {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "4",
         "$: fits more than one of the schemas of which it must fit one"},
        {R"("json")", "42", "$: expected an object or an array"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(read(each.schema, each.answer), "! " + each.wanted) << each.schema << " " << each.answer;
    }
}

TEST(structured_output, accepts_what_the_usual_libraries_describe) {
    struct row {
        std::string schema, answer;
    };
    const std::vector<row> rows{
        // Nested models with references, optional members, formats and defaults.
        {R"({"$defs":{"Pet":{"properties":{"name":{"title":"Name","type":"string"},"born":{"anyOf":[{"format":"date-time","type":"string"},{"type":"null"}],"default":null}},"required":["name"],"title":"Pet","type":"object"}},
            "properties":{"pets":{"items":{"$ref":"#/$defs/Pet"},"title":"Pets","type":"array"}},"required":["pets"],"title":"Pets","type":"object"})",
         R"({"pets":[{"name":"Luna","born":"not a date"},{"name":"Loki","born":null}]})"},
        {R"({"type":"object","properties":{"kind":{"type":"string","enum":["a","b"]},"n":{"type":"number"}},"required":["kind"],"additionalProperties":false,"$schema":"http://json-schema.org/draft-07/schema#"})",
         R"({"kind":"b","n":3})"},
        {R"({"type":"integer"})", "3.0"},
        {R"({"type":"array","items":[{"type":"string"}],"additionalItems":{"type":"integer"}})",
         R"(["a",1,2])"},
        {R"({"prefixItems":[{"type":"string"}]})", R"(["a",1,{}])"},
        {R"({"items":[]})", "[1]"},
        {R"({"maxItems":2.0,"items":{"multipleOf":0.1}})", "[0.3,7]"},
        // Trees refer to themselves through their members.
        {R"({"$defs":{"n":{"type":"object","properties":{"c":{"type":"array","items":{"$ref":"#/$defs/n"}}}}},"$ref":"#/$defs/n"})",
         R"({"c":[{"c":[]},{"c":[{}]}]})"},
        {R"({"type":"object","properties":{"next":{"$ref":"#"}}})", R"({"next":{"next":{}}})"},
        // Names of properties are no keywords.
        {R"({"type":"object","properties":{"pattern":{"type":"string"},"patternProperties":{"type":"integer"},"$ref":{"type":"string"}}})",
         R"({"pattern":"(","patternProperties":1,"$ref":"x"})"},
        {R"({"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]},"else":{"required":["c"]}})",
         R"({"a":2,"c":0})"},
        {R"({"not":{"type":"string"},"propertyNames":{"pattern":"^[a-z]+$"}})", R"({"ab":1})"},
        {R"({"$ref":"#/properties/a%20b","properties":{"a b":{"minProperties":0}},"description":"x"})", "{}"},
        {"{}", "null"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(read(each.schema, each.answer), each.answer) << each.schema;
    }
}

TEST(structured_output, reads_the_dialects_of_older_libraries) {
    struct row {
        std::string schema, fits, fails;
    };
    const std::vector<row> rows{
        // Literals of older pydantic.
        {R"({"const":{"a":1},"enum":[{"a":1},{"a":2}]})", R"({"a":1})", R"({"a":2})"},
        // Lists that Go left nil.
        {R"({"type":"object","required":null,"properties":null,"minProperties":1})", R"({"a":1})", "{}"},
        // Draft 4 and OpenAPI 3.0.
        {R"({"type":"array","items":{"minimum":3,"exclusiveMinimum":true}})", "[4]", "[3]"},
        {R"({"type":"array","items":{"maximum":3,"exclusiveMaximum":false}})", "[3]", "[4]"},
        // ECMA-262's escapes.
        {R"({"type":"array","items":{"pattern":"^[\\u4e00-\\u9fff]+\\u{1F600}$"}})", R"(["漢😀"])",
         R"(["a"])"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(read(each.schema, each.fits), each.fits) << each.schema;
        EXPECT_TRUE(read(each.schema, each.fails).starts_with("! ")) << each.schema;
    }
}

TEST(structured_output, a_violation_is_seen_beside_and_behind_a_reference) {
    const std::string schema =
        R"({"$defs":{"a":{"type":"integer"}},"properties":{"x":{"$ref":"#/$defs/a","minimum":5}}})";
    EXPECT_EQ(read(schema, R"({"x":7})"), R"({"x":7})");
    EXPECT_EQ(read(schema, R"({"x":"7"})"), "! $.x: expected integer, got string");
    EXPECT_EQ(read(schema, R"({"x":3})"), "! $.x: expected number greater than or equal to 5.000000");
}

TEST(structured_output, refuses_by_name_what_it_cannot_check) {
    struct row {
        std::string schema, part;
    };
    const std::vector<row> rows{
        {R"({"properties":{"a":{"patternProperties":{"^x":{}}}}})",
         "#/properties/a: 'patternProperties' can't be checked here"},
        {R"({"unevaluatedProperties":false})", "'unevaluatedProperties'"},
        {R"({"items":{"pattern":"(?=a)b"}})", "#/items: this 'pattern' can't be run in bounded time"},
        {R"({"pattern":"(a)\\1"})", "this 'pattern' can't be run"},
        {R"({"$ref":"http://example.com/schema"})", "'$ref' must point to something in the same schema"},
        {R"({"$ref":"#/$defs/none"})", "'$ref' must point"},
        {R"({"$ref":"#"})", "it refers to itself"},
        {R"({"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"})",
         "it refers to itself"},
        {R"({"multipleOf":0})", "'multipleOf' must be a number above zero"},
        {R"({"type":"text"})", "'type' must be"},
        {R"({"properties":[]})", "'properties' must be an object"},
        {R"({"anyOf":{}})", "'anyOf' must be a list"},
        {R"({"items":3})", "a schema must be an object or a boolean"},
        {R"({"minimum":"3"})", "'minimum' must be a number"},
        {R"({"required":"a"})", "'required' must be a list of names"},
        {R"({"required":[1]})", "can't be used"},
        {R"({"minLength":-1})", "can't be used"},
        {R"("xml")", "the format must be"},
    };
    for (const row& each : rows) {
        EXPECT_NE(refusal(each.schema).find(each.part), std::string::npos)
            << each.schema << ": " << refusal(each.schema);
    }
}

// Made by pydantic, OpenAI's SDK, zod, zod-to-json-schema, typebox and Gemini's SDK, each with a value that the library
// itself takes.
TEST(structured_output, schemas_that_libraries_make_are_taken_and_hold_their_values) {
    std::ifstream in(CORRAL_LIBRARY_SCHEMAS);
    const ordered_json all = ordered_json::parse(in);
    ASSERT_GT(all.size(), 10U);
    std::set<std::string> unchecked;
    for (const ordered_json& each : all) {
        const auto made = format_plan::make(each["schema"]);
        ASSERT_TRUE(made) << each["made_by"] << ": " << made.error().message;
        unchecked.insert(made->unchecked().begin(), made->unchecked().end());
        format_reader reader(*made);
        reader.feed(each["fits"].dump());
        const auto got = reader.finish(false);
        EXPECT_TRUE(got) << each["made_by"] << ": " << (got ? std::string() : got.error().message.text());
    }
    EXPECT_TRUE(unchecked.contains("pattern") && unchecked.contains("patternProperties") &&
                unchecked.contains("type"));
}

TEST(structured_output, what_can_not_be_checked_is_shown_and_named_and_the_rest_still_holds) {
    const auto made = format_plan::make(ordered_json::parse(
        R"({"properties":{"a":{"pattern":"(?=x)x","maxLength":3},"n":{"type":"INTEGER"}},"required":["a"],
            "patternProperties":{"^b":{}},"additionalProperties":false})"));
    ASSERT_TRUE(made);
    const std::set<std::string> names{"additionalProperties", "pattern", "patternProperties", "type"};
    EXPECT_EQ(made->unchecked(), names);
    EXPECT_NE(made->instruction(false).find("(?=x)x"), std::string::npos);
    for (const auto& [answer, fits] : std::vector<std::pair<std::string, bool>>{
             {R"({"a":"y","n":"z","b1":0})", true}, {R"({"a":"yyyy"})", false}, {R"({"n":1})", false}}) {
        format_reader reader(*made);
        reader.feed(answer);
        EXPECT_EQ(reader.finish(false).has_value(), fits) << answer;
    }
}

TEST(structured_output, a_part_that_is_left_out_never_turns_around) {
    // Each would refuse every value if its inner keyword were simply forgotten.
    for (const char* schema :
         {R"({"not":{"properties":{"a":{"pattern":"(?=x)x"}},"required":["a"]}})",
          R"({"oneOf":[{"pattern":"(?=x)x"},{"type":"object"}]})", R"({"if":{"type":"OBJECT"},"then":false})",
          R"({"contains":{"type":"null"},"minContains":0})"}) {
        EXPECT_EQ(read(schema, R"({"a":"b"})"), R"({"a":"b"})") << schema;
        EXPECT_EQ(read(schema, "[1]"), "[1]") << schema;
    }
}

std::string nested(unsigned levels) {
    std::string out = "{}";
    for (unsigned i = 0; i < levels; ++i) {
        out = R"({"items":)" + out + "}";
    }
    return out;
}

TEST(structured_output, the_bounds_of_a_schema_hold) {
    EXPECT_EQ(refusal(nested(32)), "");
    EXPECT_NE(refusal(nested(33)).find("more than 32 schemas inside each other"), std::string::npos);
    EXPECT_NE(refusal(nested(200)).find("nested too deeply"), std::string::npos);
    EXPECT_NE(refusal(R"({"description":")" + std::string(70'000, 'x') + "\"}").find("64 KiB"),
              std::string::npos);
    ordered_json many = {{"anyOf", ordered_json::array()}};
    for (int i = 0; i < 2'100; ++i) {
        many["anyOf"].push_back(ordered_json::object());
    }
    EXPECT_NE(refusal(many.dump()).find("more than 2000 schemas"), std::string::npos);
}

// Each schema refers to the next one, as deep as the bounds allow.
TEST(structured_output, a_long_row_of_references_is_read_and_checked) {
    ordered_json schema = {{"$ref", "#/$defs/0"}};
    constexpr int last = 600;
    for (int i = 0; i < last; ++i) {
        schema["$defs"][std::to_string(i)]["properties"]["n"]["$ref"] = "#/$defs/" + std::to_string(i + 1);
    }
    schema["$defs"][std::to_string(last)] = {{"type", "string"}};
    ASSERT_EQ(refusal(schema.dump()), "");
    EXPECT_EQ(read(schema.dump(), R"({"n":{"n":{}}})"), R"({"n":{"n":{}}})");
}

void expect_quick(const std::string& schema, const std::string& answer) {
    const std::clock_t begin = std::clock();  // of the processor, whoever else is at work
    const std::string got = read(schema, answer);
    EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 10) << schema.substr(0, 100);
    EXPECT_EQ(got.substr(0, 2), "! ") << got.substr(0, 100);
}

TEST(structured_output, a_hostile_schema_or_answer_costs_bounded_time) {
    std::string numbers = "[0";
    for (int i = 1; i < 200'000; ++i) {
        numbers += "," + std::to_string(i);
    }
    numbers += "]";
    expect_quick(R"({"uniqueItems":true})", numbers);
    expect_quick(R"({"items":{"anyOf":[{"type":"string"},{"type":"object"},{"type":"null"}]}})", numbers);
    // Each level asks twice about the next: 2^60 steps.
    std::string deep = "1";
    for (int i = 0; i < 60; ++i) {
        deep = "[" + deep + "]";
    }
    expect_quick(R"({"type":"array","anyOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]})", deep);
    expect_quick(R"({"pattern":"^(a+)+$"})", "\"" + std::string(900'000, 'a') + "b\"");
    expect_quick(R"({"type":"object"})", std::string(1024 * 1024, '['));
    std::string pairs;
    for (int i = 0; i < 200'000; ++i) {
        pairs += "[]{}";
    }
    expect_quick(R"({"type":"string"})", pairs);
    std::string strings;
    for (int i = 0; i < 300'000; ++i) {
        strings += "{\"";
    }
    expect_quick(R"({"type":"string"})", strings);
}

// RE2 bounds its programs, and not the time in which it makes them.
TEST(structured_output, patterns_are_compiled_in_bounded_time) {
    const auto repeated = [](const std::string& part, int count) {
        std::string out;
        for (int i = 0; i < count; ++i) {
            out += part;
        }
        return out;
    };
    const auto schema_of = [](const std::string& pattern, int count) {
        ordered_json out = {{"type", "object"}, {"properties", ordered_json::object()}};
        for (int i = 0; i < count; ++i) {
            out["properties"]["p" + std::to_string(i)] = {{"pattern", pattern + std::to_string(i)}};
        }
        return out;
    };
    const std::vector<std::pair<std::string, int>> costly{
        {"(?i)(?:" + repeated("\\p{Lu}?", 20) + ")", 100},
        {"(?i)(?:" + repeated("[\\pL\\PM\\pN]", 60) + "){0}x", 40},
        {"(?i)" + repeated("\\pL", 1300), 10},
        {repeated("a{0,1000}", 450), 10},
        {repeated("(a|b{3,900}){0,1}", 200), 10},
    };
    for (const auto& [pattern, count] : costly) {
        const ordered_json schema = schema_of(pattern, count);
        const std::clock_t begin = std::clock();
        const auto strict = format_plan::make(schema, schema_rule::checked_whole);
        ASSERT_FALSE(strict) << pattern.substr(0, 40);
        EXPECT_NE(strict.error().message.text().find("the patterns take too much work together"),
                  std::string::npos)
            << strict.error().message;
        const auto loose = format_plan::make(schema);
        ASSERT_TRUE(loose);
        EXPECT_TRUE(loose->unchecked().contains("pattern"));
        EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 5) << pattern.substr(0, 40);
    }
    for (const char* usual :
         {R"(^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$|)",
          R"(^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$|)", R"(^.{1,64}$|)",
          R"(^\u{1F600}\x{1F600}+$|)"}) {
        const auto made = format_plan::make(schema_of(usual, 100), schema_rule::checked_whole);
        EXPECT_TRUE(made) << usual << (made ? std::string() : made.error().message.text());
    }
    EXPECT_TRUE(format_plan::make(schema_of(R"(^[\p{L}\p{M}' -]+$|)", 20), schema_rule::checked_whole));
}

TEST(structured_output, is_complete_with_the_value_and_takes_no_more) {
    format_reader reader(plan_of(person));
    for (const char* piece : {"Here: {\"name\": \"A", "da\", \"ag", "e\": 36"}) {
        reader.feed(piece);
        EXPECT_FALSE(reader.complete()) << piece;
    }
    reader.feed("} and {\"name\"");
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(*reader.finish(false), R"({"name": "Ada", "age": 36})");
}

TEST(structured_output, without_a_schema_only_what_the_answer_begins_with_is_early) {
    format_reader prose(plan_of("\"json\""));
    prose.feed("As said in [1], ");
    EXPECT_FALSE(prose.complete());
    prose.feed("```json\n{\"a\": 1}\n```");
    EXPECT_EQ(*prose.finish(false), R"({"a": 1})");
    format_reader plain(plan_of("\"json\""));
    plain.feed("\n [1, 2]");
    EXPECT_TRUE(plain.complete());
}

// A cut answer is not completed where more may have been to come.
TEST(structured_output, a_cut_answer_is_not_made_up) {
    EXPECT_EQ(read(person, R"({"name": "Ada", "age": 3)", true).substr(0, 2), "! ");
    EXPECT_EQ(read(person, R"({"name": "Ada", "age": 36)", false), R"({"name":"Ada","age":36})");
}

TEST(structured_output, a_begun_answer_is_read_as_one_and_only_the_new_part_comes_out) {
    EXPECT_EQ(read(person, R"( "Ada", "age": 36} Done.)", false, R"({"name":)"), R"( "Ada", "age": 36})");
    EXPECT_EQ(read(person, R"( "Ada"})", false, R"({"name":)").substr(0, 2), "! ");
    // What was there before is no answer.
    EXPECT_EQ(read(person, "Done.", false, R"({"name":"A","age":1})").substr(0, 2), "! ");
}

TEST(structured_output, the_model_is_told_the_schema_and_what_was_wrong) {
    const format_plan plan = plan_of(person);
    EXPECT_NE(plan.instruction(false).find(person), std::string::npos);
    EXPECT_EQ(plan.instruction(false).find("function"), std::string::npos);
    EXPECT_NE(plan.instruction(true).find("function"), std::string::npos);
    EXPECT_NE(format_plan::correction("$.age: bad").find("$.age: bad"), std::string::npos);
}

TEST(structured_output, every_split_gives_the_same_answer) {
    const std::string answer = "So: [x] {\"name\": \"A\\\"d}a\", \"age\": 36} {";
    for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
        format_reader reader(plan_of(person));
        reader.feed(answer.substr(0, cut));
        reader.feed(answer.substr(cut));
        EXPECT_EQ(*reader.finish(false), R"({"name": "A\"d}a", "age": 36})") << cut;
    }
}

}  // namespace
}  // namespace corral::chat
