#include "generation/run_course.hpp"

#include <gtest/gtest.h>

namespace corral::generation {
namespace {

std::vector<chat::message> one_question(std::string words) {
    chat::message out;
    out.content = std::move(words);
    return {out};
}

chat::message begun_turn(std::string words) {
    chat::message out;
    out.from = chat::role::assistant;
    out.content = std::move(words);
    return out;
}

TEST(run_course, a_part_is_no_try_and_a_correction_is_one) {
    run_course course;
    course.begin_run();
    course.go_on(one_question("Hi"), begun_turn("Once"));
    EXPECT_EQ(course.tries(), 0U);
    EXPECT_TRUE(course.take_next());
    course.begin_run();
    course.correct(one_question("Better"));
    EXPECT_FALSE(course.take_next());
    course.begin_run();
    EXPECT_EQ(course.runs(), 3U);
    EXPECT_EQ(course.tries(), 2U);
    EXPECT_EQ(course.parts(), 1U);
    EXPECT_FALSE(course.take_next()) << "once";
}

TEST(run_course, the_next_run_reads_what_the_last_one_wrote_with_its_thinking_over) {
    run_course course;
    course.begin_run();
    EXPECT_FALSE(course.next());
    course.give_way(one_question("Tell me a story."), begun_turn("Once upon"));
    ASSERT_TRUE(course.next());
    ASSERT_EQ(course.next()->conversation.size(), 2U);
    EXPECT_EQ(course.next()->conversation[1].content, "Once upon");
    EXPECT_TRUE(course.next()->conversation[1].thought);
}

TEST(run_course, what_starts_over_goes_on_with_nothing) {
    run_course course;
    course.begin_run();
    course.go_on(one_question("Hi"), begun_turn("Once"));
    course.start_over();
    EXPECT_FALSE(course.next());
    EXPECT_FALSE(course.take_next());
    EXPECT_TRUE(course.in_parts()) << "what went out is there";
}

TEST(run_course, parts_are_forgotten_once_and_still_are_no_tries) {
    run_course course;
    course.begin_run();
    course.give_way(one_question("Hi"), begun_turn("Once"));
    EXPECT_TRUE(course.gave_way());
    EXPECT_TRUE(course.forget_parts());
    EXPECT_FALSE(course.gave_way());
    EXPECT_FALSE(course.in_parts());
    EXPECT_FALSE(course.forget_parts());
    EXPECT_EQ(course.tries(), 0U);
}

}  // namespace
}  // namespace corral::generation
