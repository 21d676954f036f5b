#include "engine/streaming/answer_text.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

TEST(answer_text, counts_by_what_a_chunk_is) {
    answer_text tokens(catalog::chunk_unit::token, {});
    tokens.add(" one");
    tokens.add("");
    tokens.add(" two");
    EXPECT_EQ(tokens.tokens(), 2U);
    EXPECT_TRUE(tokens.reached(2));
    answer_text characters(catalog::chunk_unit::character, {});
    for (const char* piece : {" ", "o", "n"}) {
        characters.add(piece);
    }
    EXPECT_EQ(characters.tokens(), 1U);
    EXPECT_FALSE(characters.reached(1)) << "a limit of one token is a word, not its first letter";
    characters.add("e");
    EXPECT_TRUE(characters.reached(1));
    characters.add("\xe4\xbd\xa0");
    EXPECT_EQ(characters.tokens(), 2U);
    EXPECT_EQ(characters.ready(true), " one\xe4\xbd\xa0");
}

TEST(answer_text, holds_back_what_may_be_a_failure_in_words) {
    answer_text text(catalog::chunk_unit::some, {"[ERROR: ", "Aborted"});
    text.add("[ERR");
    EXPECT_EQ(text.ready(false), "");
    text.add("OR is a word");
    EXPECT_EQ(text.ready(false), "[ERROR is a word");
    text.add("[ERROR: later");
    EXPECT_EQ(text.ready(false), "[ERROR: later");
    EXPECT_FALSE(text.is_error());
    answer_text failed(catalog::chunk_unit::some, {"[ERROR: "});
    failed.add("[ERROR: device lost]");
    EXPECT_EQ(failed.ready(false), "");
    EXPECT_TRUE(failed.is_error());
    answer_text cut(catalog::chunk_unit::some, {"[ERROR: "});
    cut.add("[E");
    EXPECT_EQ(cut.ready(true), "[E") << "the whole answer, and no failure";
}

TEST(answer_text, thinking_goes_back_between_its_tags) {
    answer_text text(catalog::chunk_unit::token, {});
    text.add_thinking("hm");
    text.add_thinking(" so");
    text.add("yes");
    EXPECT_EQ(text.ready(true), "<think>\nhm so</think>\n\nyes");
    answer_text only(catalog::chunk_unit::token, {});
    only.add_thinking("hm");
    EXPECT_EQ(only.ready(false), "<think>\nhm");
    EXPECT_EQ(only.ready(true), "</think>\n\n");
    text.add_thinking("was that right?");
    text.add(", really");
    EXPECT_EQ(text.ready(true), ", really");
    EXPECT_EQ(text.tokens(), 5U);
}

}  // namespace
}  // namespace corral::engine::streaming
