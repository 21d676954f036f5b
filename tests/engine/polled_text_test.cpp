#include "engine/dialects/ax_poll/polled_text.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

TEST(polled_text, polls_that_bring_what_was_made_are_taken_as_they_are) {
    polled_text text;
    text.on_answer("one", 0, false);
    text.on_answer("", 0, false);
    text.on_answer(" two", 0, false);
    const auto both = text.on_poll("one two");
    EXPECT_TRUE(both.ours);
    EXPECT_FALSE(both.gap);
    EXPECT_EQ(both.text, "one two");
    EXPECT_EQ(text.rest(), "");
}

TEST(polled_text, what_another_program_took_is_put_back_in_its_place) {
    polled_text text;
    for (const char* piece : {"one", " two", " three", " four"}) {
        text.on_answer(piece, 0, false);
    }
    const auto third = text.on_poll(" three");
    EXPECT_TRUE(third.ours);
    EXPECT_TRUE(third.gap);
    EXPECT_EQ(third.text, "one two three");
    EXPECT_EQ(text.rest(), " four");
}

TEST(polled_text, text_that_nobody_made_is_told) {
    polled_text text;
    text.on_answer("mine", 0, false);
    EXPECT_FALSE(text.on_poll("another's").ours);
    EXPECT_FALSE(text.on_poll("another's mine").ours) << "joined with what is ours";
    EXPECT_TRUE(text.on_poll("mine").ours);
    EXPECT_FALSE(text.on_poll("mine").ours) << "a second time";
}

// The runtime has fetched its next piece before the poll of the last one is answered.
TEST(polled_text, tokens_count_with_the_text_that_a_poll_has_brought) {
    polled_text text;
    text.on_answer("one", 3, false);
    text.on_answer(" two", 6, false);
    text.on_answer("", 7, false);
    EXPECT_EQ(text.polled_tokens(), 0U);
    EXPECT_TRUE(text.on_poll("one").ours);
    EXPECT_EQ(text.polled_tokens(), 3U);
    text.on_answer(" three", 9, true);
    EXPECT_TRUE(text.on_poll(" two").ours);
    EXPECT_EQ(text.polled_tokens(), 6U);
    EXPECT_TRUE(text.on_poll(" three").ours);
    EXPECT_EQ(text.polled_tokens(), 9U);
}

// The runtime asks for all its tokens once more at the end, and hands that text to nobody.
TEST(polled_text, the_last_call_counts_only_where_it_was_a_piece) {
    polled_text ends;
    ends.on_answer("ab", 0, false);
    ends.on_answer("ab", 0, true);
    EXPECT_EQ(ends.on_poll("ab").text, "ab");
    EXPECT_EQ(ends.rest(), "");

    polled_text goes_on;
    goes_on.on_answer("ab", 0, false);
    goes_on.on_answer("ab", 0, true);
    EXPECT_EQ(goes_on.on_poll("abab").text, "abab") << "it was in a poll, so it was a piece";
    goes_on.on_answer("c", 0, false);
    EXPECT_EQ(goes_on.rest(), "c");

    polled_text followed;
    followed.on_answer("ab", 0, true);
    followed.on_answer("", 0, false);
    EXPECT_EQ(followed.rest(), "ab") << "another call came, so it was a piece";
}

// Whatever pieces, polls and thieves do, the reader has the whole text once and in order.
TEST(polled_text, an_answer_is_whole_whoever_polls_beside_us) {
    for (unsigned seed = 0; seed < 500; ++seed) {
        std::mt19937 random(seed);
        polled_text text;
        std::string made;
        std::string queue;
        std::string read;
        bool stolen = false;
        bool told = false;
        for (int step = 0; step < 60; ++step) {
            switch (random() % 4) {
                case 0:
                case 1: {
                    const std::string piece(random() % 4, "ab "[random() % 3]);
                    text.on_answer(piece, 0, false);
                    made += piece;
                    queue += piece;
                    break;
                }
                case 2:
                    stolen = stolen || (random() % 3 == 0 && !queue.empty());
                    if (stolen && random() % 2 == 0) {
                        queue.clear();
                    }
                    break;
                default:
                    if (!queue.empty()) {
                        const auto got = text.on_poll(queue);
                        ASSERT_TRUE(got.ours) << seed;
                        told = told || got.gap;
                        read += got.text;
                        queue.clear();
                    }
            }
        }
        read += text.rest();
        EXPECT_EQ(read, made) << seed;
        EXPECT_TRUE(stolen || !told) << seed << ": nobody took a thing";
    }
}

}  // namespace
}  // namespace corral::engine::ax_poll
