#include "engine/streaming/token_estimate.hpp"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

text_shape shape(std::string_view text) {
    text_shape out;
    out.add(text);
    return out;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

// What vocabularies of today make of them.
const std::string russian =
    repeated("Быстрая бурая лиса перепрыгнула через ленивую собаку. ", 40);  // 2160 characters
constexpr std::uint32_t russian_tokens = 640;
const std::string table = repeated("12.75 3301 448.2 9917\n", 100);  // every digit and every sign a token
constexpr std::uint32_t table_tokens = 2200;
const std::string english = repeated("The quick brown fox jumps over the lazy dog. ", 50);
constexpr std::uint32_t english_tokens = 500;

TEST(token_estimate, russian_text_of_half_a_context_is_thought_to_fit) {
    EXPECT_LE(token_estimate().of(shape(russian)), 2 * russian_tokens);
    EXPECT_GE(token_estimate().of(shape(russian)), russian_tokens);
}

TEST(token_estimate, prose_is_thought_about_right) {
    EXPECT_NEAR(token_estimate().of(shape(english)), english_tokens, english_tokens * 0.2);
}

TEST(token_estimate, a_table_of_numbers_is_thought_about_right) {
    EXPECT_NEAR(token_estimate().of(shape(table)), table_tokens, table_tokens * 0.05);
}

TEST(token_estimate, a_text_that_was_counted_is_right_at_once_and_so_is_the_next) {
    const std::string codes = repeated("XQZK-WVJP;", 200);
    constexpr std::uint32_t codes_tokens = 1400;  // 2.6 times what is thought
    token_estimate estimate;
    EXPECT_LT(estimate.of(shape(codes)) * 2, codes_tokens);
    estimate.learn(shape(codes), codes_tokens);
    EXPECT_NEAR(estimate.of(shape(codes)), codes_tokens, 2);
    EXPECT_NEAR(estimate.of(shape(codes + repeated("QJXV-KZ;", 100))), codes_tokens + 560, 60);
}

TEST(token_estimate, what_one_kind_of_text_teaches_hardly_touches_the_others) {
    token_estimate estimate;
    const std::uint32_t before = estimate.of(shape(english));
    estimate.learn(shape(table), table_tokens * 5 / 4);
    EXPECT_NEAR(estimate.of(shape(english)), before, before * 0.15);
    estimate.learn(shape(russian), russian_tokens);
    EXPECT_NEAR(estimate.of(shape(english)), before, before * 0.15);
}

TEST(token_estimate, too_much_is_unlearnt_within_a_few_answers) {
    token_estimate estimate;
    for (int i = 0; i < 4; ++i) {
        estimate.learn(shape(russian), russian_tokens);
    }
    EXPECT_NEAR(estimate.of(shape(russian)), russian_tokens, russian_tokens * 0.1);
}

TEST(token_estimate, a_server_that_counts_too_little_lowers_nothing) {
    token_estimate estimate(false);
    const std::uint32_t before = estimate.of(shape(russian));
    estimate.learn(shape(russian), 10);
    EXPECT_EQ(estimate.of(shape(russian)), before);
    estimate.learn(shape(russian), before * 2);
    EXPECT_NEAR(estimate.of(shape(russian)), before * 2, 2);
}

TEST(token_estimate, whatever_it_is_told_it_stays_within_what_a_vocabulary_can_be) {
    std::mt19937 random(11);
    token_estimate estimate;
    for (int i = 0; i < 10'000; ++i) {
        text_shape any;
        for (auto& count : any.characters) {
            count = random() % 5000;
        }
        any.characters[random() % character_kinds] = 0;
        estimate.learn(any, static_cast<std::uint32_t>(random()));
        const std::uint64_t characters =
            any.characters[0] + any.characters[1] + any.characters[2] + any.characters[3] + any.characters[4];
        const auto now = static_cast<double>(estimate.of(any));
        ASSERT_GE(now, 0.07 * static_cast<double>(characters));
        ASSERT_LE(now, 4.3 * static_cast<double>(characters) + 1);
    }
}

chat::image_list images(std::initializer_list<std::uint64_t> marks) {
    chat::image_list out;
    for (const std::uint64_t mark : marks) {
        out.push_back(std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", mark}));
    }
    return out;
}

TEST(image_estimate, an_image_that_was_counted_is_known_and_another_is_not) {
    image_estimate what;
    EXPECT_EQ(what.of(images({1, 2}), 256).tokens, 512U);
    EXPECT_FALSE(what.of(images({1}), 256).exact);
    EXPECT_TRUE(what.of({}, 256).exact);
    what.learn(images({1}), 1000);
    EXPECT_EQ(what.of(images({1}), 256).tokens, 1000U);
    EXPECT_TRUE(what.of(images({1, 1}), 256).exact);
    EXPECT_EQ(what.of(images({1, 2}), 256).tokens, 1256U) << "a large one says nothing of the next";
    // A new one has what the old ones leave, and does not touch them.
    what.learn(images({1, 2}), 1100);
    EXPECT_EQ(what.of(images({2}), 256).tokens, 100U);
    EXPECT_EQ(what.of(images({1}), 256).tokens, 1000U);
    // All known, and yet another sum: in proportion.
    what.learn(images({1, 2}), 2200);
    EXPECT_EQ(what.of(images({1}), 256).tokens, 2000U);
    EXPECT_EQ(what.of(images({2}), 256).tokens, 200U);
}

TEST(image_estimate, whatever_is_counted_it_holds_its_bounds) {
    image_estimate what;
    what.learn(images({1, 2, 3}), 0);
    EXPECT_EQ(what.of(images({1, 2, 3}), 256).tokens, 3U);
    what.learn(images({}), 77);
    for (std::uint64_t mark = 10; mark < 1000; ++mark) {
        what.learn(images({mark}), 0xFFFFFFFF);
    }
    EXPECT_FALSE(what.of(images({1}), 256).exact) << "256 are remembered";
    EXPECT_TRUE(what.of(images({999}), 256).exact);
    EXPECT_GE(what.of(images({998, 999}), 256).tokens, what.of(images({999}), 256).tokens);
}

}  // namespace
}  // namespace corral::engine::streaming
