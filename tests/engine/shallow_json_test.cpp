#include "engine/streaming/shallow_json.hpp"

#include <string>

#include <gtest/gtest.h>

#include "engine/dialects/ax_sse/ax_sse_reader.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::streaming {
namespace {

TEST(shallow_json, braces_in_texts_are_no_depth) {
    const std::string open = std::string(100, '{') + std::string(100, '[');
    EXPECT_EQ(shallow_json("{\"a\": \"" + open + "\"}")["a"], open);
    EXPECT_EQ(shallow_json("{\"a\": \"\\\"" + open + "\"}")["a"], "\"" + open);
    EXPECT_FALSE(shallow_json("{\"a\": \"\\\\\"}").is_discarded());
}

TEST(shallow_json, what_nests_deeper_than_it_may_is_no_tree) {
    EXPECT_FALSE(shallow_json(std::string(32, '[') + std::string(32, ']')).is_discarded());
    EXPECT_TRUE(shallow_json(std::string(33, '[') + std::string(33, ']')).is_discarded());
    EXPECT_TRUE(shallow_json(std::string(1'000'000, '[')).is_discarded());
    EXPECT_FALSE(shallow_json("[[1]]", 2).is_discarded());
    EXPECT_TRUE(shallow_json("[[1]]", 1).is_discarded());
    EXPECT_TRUE(shallow_json("{\"a\": ").is_discarded());
}

TEST(shallow_json, an_error_that_quotes_code_is_told) {
    const std::string code(40, '{');
    EXPECT_EQ(sentence_of_error("{\"error\": {\"message\": \"bad " + code + "\"}}"), "bad " + code);
}

TEST(shallow_json, an_answer_that_is_code_is_no_depth_for_any_reader) {
    const std::string code(100, '{');
    ax_sse::ax_sse_reader reader;
    std::vector<answer_part> parts;
    ASSERT_TRUE(reader.feed("data: {\"choices\":[{\"delta\":{\"content\":\"" + code + "\"}}]}\n\n", parts));
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(std::get<text_part>(parts[0]).text, code);
}

}  // namespace
}  // namespace corral::engine::streaming
