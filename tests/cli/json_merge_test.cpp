#include "cli/connect/json_merge.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;
using testing::HasSubstr;

const json addition = {{"provider", {{"corral", {{"url", "http://x"}}}}}};

std::string merged(std::string_view text, const json& what = addition) {
    const auto out = merge_json(text, what);
    return out ? *out : "refused: " + std::string(out.error().message.text());
}

TEST(json_merge, fills_an_empty_file) {
    EXPECT_EQ(merged(""), addition.dump(2) + "\n");
    EXPECT_EQ(merged("// mine\n"), "// mine\n" + addition.dump(2) + "\n");
    EXPECT_EQ(merged("{}", {{"a", 1}}), "{\n  \"a\": 1\n}");
    EXPECT_EQ(merged("{\n}\n", {{"a", 1}}), "{\n  \"a\": 1\n}\n");
}

TEST(json_merge, keeps_comments_order_layout_and_trailing_commas) {
    EXPECT_EQ(merged("{\n\t// theme\n\t\"theme\": \"dark\", // yes\n\t\"provider\": { \"other\": 1 },\n}\n",
                     {{"provider", {{"corral", 2}}}}),
              "{\n\t// theme\n\t\"theme\": \"dark\", // yes\n\t\"provider\": { \"other\": "
              "1,\n\t\t\"corral\": 2\n\t},\n}\n");
    EXPECT_EQ(merged("{\n  \"a\": [1, 2,], // last\n  /* end */\n}", {{"b", 1}}),
              "{\n  \"a\": [1, 2,], // last\n  /* end */\n  \"b\": 1\n}");
    EXPECT_EQ(merged("{\"a\": \"// no comment, }\"}", {{"b", 1}}),
              "{\"a\": \"// no comment, }\",\n  \"b\": 1\n}");
    EXPECT_EQ(merged("{\n  \"a\": 1 // of a\n}", {{"b", 1}}), "{\n  \"a\": 1, // of a\n  \"b\": 1\n}");
    EXPECT_EQ(merged("{\n  \"a\": 1,\n}", {{"b", 1}}), "{\n  \"a\": 1,\n  \"b\": 1\n}");
}

TEST(json_merge, keeps_line_ends_and_a_byte_order_mark) {
    EXPECT_EQ(merged("\xEF\xBB\xBF{\r\n  \"a\": 1\r\n}\r\n", {{"b", {{"c", 1}}}}),
              "\xEF\xBB\xBF{\r\n  \"a\": 1,\r\n  \"b\": {\r\n    \"c\": 1\r\n  }\r\n}\r\n");
}

TEST(json_merge, replaces_its_own_values_and_no_others) {
    EXPECT_EQ(merged("{ \"a\": { \"x\": 1, \"y\": 2 } }", {{"a", {{"x", 7}}}}),
              "{ \"a\": { \"x\": 7, \"y\": 2 } }");
    EXPECT_EQ(merged("{ \"x\": 1, \"x\": 2 }", {{"x", 7}}), "{ \"x\": 1, \"x\": 7 }");  // the last is read
    EXPECT_EQ(merged("{ \"a\": null }", {{"a", {{"x", 7}}}}), "{ \"a\": {\n  \"x\": 7\n} }");
    const std::string once = merged("{ \"b\": 1 }");
    EXPECT_EQ(merged(once), once);
}

TEST(json_merge, merges_lists_by_name) {
    const json ours = json::array({{{"name", "Corral"}, {"url", "new"}}});
    EXPECT_EQ(merged("[]", ours), "[\n  {\n    \"name\": \"Corral\",\n    \"url\": \"new\"\n  }\n]");
    EXPECT_EQ(merged("[{ \"name\": \"Other\" }, { \"name\": \"Corral\", \"url\": \"old\" }]", ours),
              "[{ \"name\": \"Other\" }, { \"name\": \"Corral\", \"url\": \"new\" }]");
}

TEST(json_merge, refuses_what_it_could_break) {
    for (const char* const text :
         {"{", "{\"a\": }", "{,}", "[1,,]", "/* no end", "{\"a\": 1} x", "key: value", "{'a': 1}",
          "{\"a\": \"\xFF\"}", "{} // \xFF", "\"", "{\"a\"", "{\"a\": 1", "nul", "{} {}"}) {
        EXPECT_THAT(merged(text), HasSubstr("not JSON")) << text;
    }
    EXPECT_THAT(merged("{\"provider\": []}"), HasSubstr("'provider'"));
    EXPECT_THAT(merged("{\"provider\": {\"corral\": \"mine\"}}"), HasSubstr("'provider.corral'"));
    EXPECT_THAT(merged("[]"), HasSubstr("refused"));
    EXPECT_THAT(merged(std::string(100000, '[')), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace corral::cli
