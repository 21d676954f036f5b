#include "corral/core/json.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(json, brackets_in_strings_are_no_depth) {
    const std::string open = std::string(100, '{') + std::string(100, '[');
    EXPECT_EQ(parse_json("{\"a\": \"" + open + "\"}")["a"], open);
    EXPECT_EQ(parse_json("{\"a\": \"\\\"" + open + "\"}")["a"], "\"" + open);
    EXPECT_FALSE(parse_json("{\"a\": \"\\\\\"}").is_discarded());
}

TEST(json, a_tree_deeper_than_the_limit_is_refused) {
    EXPECT_FALSE(parse_json(std::string(32, '[') + std::string(32, ']')).is_discarded());
    EXPECT_TRUE(parse_json(std::string(33, '[') + std::string(33, ']')).is_discarded());
    EXPECT_TRUE(parse_json(std::string(1'000'000, '[')).is_discarded());
    EXPECT_FALSE(parse_json("[[1]]", {.depth = 2}).is_discarded());
    EXPECT_TRUE(parse_json("[[1]]", {.depth = 1}).is_discarded());
}

TEST(json, a_text_longer_than_the_limit_is_refused) {
    EXPECT_FALSE(parse_json("[1,2]", {.bytes = 5}).is_discarded());
    EXPECT_TRUE(parse_json("[1,2]", {.bytes = 4}).is_discarded());
}

TEST(json, broken_text_is_refused) {
    for (const char* text : {"", "{\"a\": ", "]", "[1] 2", "\"\\", "nul"}) {
        EXPECT_TRUE(parse_json(text).is_discarded()) << text;
    }
}

TEST(json, the_order_of_keys_stays_where_it_is_asked_for) {
    EXPECT_EQ(parse_json<nlohmann::ordered_json>(R"({"b":1,"a":2})").dump(), R"({"b":1,"a":2})");
}

}  // namespace
}  // namespace corral::core
