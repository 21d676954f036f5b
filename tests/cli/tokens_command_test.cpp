// What two tokenizers made of one prompt, side by side.

#include "cli/tokens/tokens_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

tokenizer_result result(std::string model, std::vector<std::int64_t> ids, std::vector<std::string> pieces) {
    tokenizer_result out;
    out.model = std::move(model);
    out.said.tokens.ids = std::move(ids);
    out.said.tokens.pieces = std::move(pieces);
    out.said.tokens.encoding = std::chrono::milliseconds(2);
    out.said.tokens.decoding = std::chrono::milliseconds(10);
    return out;
}

TEST(token_page, one_tokenizer_is_a_row_a_token_and_its_speed) {
    const auto one = result("qwen3:4b", {3, 198, 240, 131}, {"Hi", "\n", "", "\xC3\xA4"});
    const std::string page = token_page({one}, false);
    EXPECT_THAT(page, HasSubstr("     0         3  \"Hi\"\n"));
    EXPECT_THAT(page, HasSubstr("198  \"\\n\"\n"));
    EXPECT_THAT(page, HasSubstr("240  (within a character)\n"));
    EXPECT_THAT(
        page, HasSubstr("qwen3:4b: 4 tokens; encoded in 2.0 ms (2000 tokens/s), decoded one by one at 400 "));
    EXPECT_THAT(token_page({one}, true), Not(HasSubstr("\"Hi\"")));
}

TEST(token_page, the_first_difference_of_two_is_shown_with_its_place) {
    const auto left = result("a:1b", {1, 2, 3}, {"x", "yz", "!"});
    EXPECT_THAT(token_page({left, left}, false), HasSubstr("Both are the same"));
    const std::string cut = token_page({left, result("b:1b", {1, 8, 9, 3}, {"x", "y", "z", "!"})}, false);
    EXPECT_THAT(cut, HasSubstr("The first difference is at token 1:\n"));
    EXPECT_THAT(cut, HasSubstr("2  \"yz\"  a:1b\n"));
    EXPECT_THAT(cut, HasSubstr("8  \"y\"  b:1b\n"));
    const std::string renumbered = token_page({left, result("b:1b", {1, 2, 7}, {"x", "yz", "!"})}, false);
    EXPECT_THAT(renumbered, HasSubstr("cut the text alike; the first other id is at token 2"));
    EXPECT_THAT(token_page({left, result("b:1b", {1, 2}, {"x", "yz"})}, false), HasSubstr("none  b:1b"));
}

TEST(token_page, json_has_what_a_program_compares) {
    const auto left = result("a:1b", {1, 2}, {"x", "y"});
    const auto out = token_json({left, result("b:1b", {1, 3}, {"x", "y"})});
    EXPECT_EQ(out["tokenizers"][0]["count"], 2);
    EXPECT_EQ(out["tokenizers"][1]["ids"][1], 3);
    EXPECT_TRUE(out["first_difference"]["piece"].is_null());
    EXPECT_EQ(out["first_difference"]["id"], 1);
    EXPECT_FALSE(token_json({left}).contains("first_difference"));
}

}  // namespace
}  // namespace corral::cli
