#include "engine/streaming/cache_salts.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

TEST(cache_salts, an_owner_has_one_that_is_nobody_elses) {
    const cache_salts salts;
    EXPECT_EQ(salts.of("ann").size(), 64U);
    EXPECT_EQ(salts.of("ann"), salts.of("ann"));
    EXPECT_NE(salts.of("ann"), salts.of("ben"));
    EXPECT_EQ(salts.of(""), "");
}

TEST(cache_salts, another_process_has_others) {
    EXPECT_NE(cache_salts().of("ann"), cache_salts().of("ann"));
}

TEST(cache_salts, one_that_is_used_once_is_shared_by_nothing) {
    cache_salts salts;
    const auto first = salts.once();
    EXPECT_NE(first, salts.once());
    EXPECT_NE(first, salts.of("1"));
}

TEST(unsalted_prompts, are_of_one_owner_unless_keys_may_share) {
    unsalted_prompts known;
    EXPECT_FALSE(known.refused());
    EXPECT_TRUE(known.take("ann", false));
    EXPECT_TRUE(known.take("ann", false));
    EXPECT_FALSE(known.take("ben", false));
    EXPECT_TRUE(known.take("ann", false)) << "ben's was not read";
    EXPECT_TRUE(known.take("ben", true));
    EXPECT_FALSE(known.take("ann", false)) << "she would feel what ben asked";
}

TEST(unsalted_prompts, of_nobody_count_too) {
    unsalted_prompts known;
    known.note("");
    EXPECT_FALSE(known.take("ann", false));
    EXPECT_TRUE(known.take("", false));
}

TEST(unsalted_prompts, are_known_to_the_next_image_of_the_program) {
    unsalted_prompts known;
    EXPECT_TRUE(unsalted_prompts::known_from(known.word()).take("ann", false));
    known.note("ann");
    EXPECT_TRUE(unsalted_prompts::known_from(known.word()).take("ann", false));
    EXPECT_FALSE(unsalted_prompts::known_from(known.word()).take("ben", false));
    known.note("");
    EXPECT_FALSE(unsalted_prompts::known_from(known.word()).take("ann", false));
    EXPECT_FALSE(unsalted_prompts::known_from("").take("ann", false)) << "an older image wrote nothing";
}

}  // namespace
}  // namespace corral::engine::streaming
