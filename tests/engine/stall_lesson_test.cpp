#include "engine/stall_lesson.hpp"

#include <gtest/gtest.h>

namespace corral::engine {
namespace {

using core::seconds;

chat::rendered_prompt prompt(std::string turns) {
    chat::rendered_prompt out;
    out.turns = std::move(turns);
    return out;
}

TEST(stall_lesson, one_prompt_teaches_nothing_however_often_it_hangs) {
    stall_lesson lesson;
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(lesson.teaches(prompt("deadly"), {}));
    }
}

TEST(stall_lesson, two_prompts_in_a_row_teach_unless_a_run_between_them_was_well) {
    stall_lesson lesson;
    EXPECT_FALSE(lesson.teaches(prompt("a"), {}));
    EXPECT_TRUE(lesson.teaches(prompt("b"), {}));
    EXPECT_TRUE(lesson.teaches(prompt("c"), {}));
    lesson.went_well();
    EXPECT_FALSE(lesson.teaches(prompt("d"), {}));
}

TEST(stall_lesson, a_run_that_was_slow_before_it_stood_still_teaches) {
    stall_lesson lesson;
    run_pace quick;
    quick.note(seconds{1}, seconds{10});
    EXPECT_FALSE(lesson.teaches(prompt("a"), quick));
    run_pace slow;
    slow.note(seconds{3}, seconds{10});
    slow.note(seconds{1}, seconds{10});
    EXPECT_TRUE(lesson.teaches(prompt("a"), slow));
}

}  // namespace
}  // namespace corral::engine
