#include "corral/monitor/speed_history.hpp"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace corral::monitor {
namespace {

std::string day_number(int number) {
    return fmt::format("2026-{:02}-{:02}", 1 + number / 28, 1 + number % 28);
}

// `answers` of 100 tokens, so many a second.
void ask(speed_history& to, int day, double rate, const circumstances& with, unsigned prompt = 50,
         int answers = 12) {
    const auto decode = core::nanoseconds(static_cast<std::int64_t>(100.0 / rate * 1e9));
    for (int i = 0; i < answers; ++i) {
        to.note("m", day_number(day), with, {prompt, 100, decode});
    }
}

TEST(speed_history, answers_of_a_day_are_one_line) {
    speed_history out;
    ask(out, 0, 10, {{"Corral", "1"}});
    ask(out, 0, 20, {{"Corral", "1"}});
    out.note("m", day_number(0), {{"Corral", "1"}}, {50, 3, core::seconds(9)});
    const auto& days = out.models().at("m");
    ASSERT_EQ(days.size(), 1U);
    EXPECT_EQ(days[0].answers, 24U);
    EXPECT_NEAR(days[0].rate(), 2400.0 / (120 + 60), 0.01);
    EXPECT_FALSE(last_change(days)) << "there is nothing to compare";
}

TEST(speed_history, what_changed_with_the_speed_is_named) {
    speed_history out;
    ask(out, 0, 12, {{"Corral", "1"}, {"driver", "3.6.2"}});
    ask(out, 1, 12, {{"Corral", "1"}, {"driver", "3.6.2"}});
    ask(out, 1, 9, {{"Corral", "1"}, {"driver", "3.6.4"}});
    ask(out, 2, 9, {{"Corral", "1"}, {"driver", "3.6.4"}});
    const auto change = last_change(out.models().at("m"));
    ASSERT_TRUE(change);
    EXPECT_EQ(change->text(),
              "25 % slower since 2026-01-02 (9.0, before 12.0 tokens/s): driver 3.6.2 → 3.6.4");
}

TEST(speed_history, a_change_that_costs_nothing_is_not_told) {
    speed_history out;
    ask(out, 0, 12, {{"Corral", "1"}});
    ask(out, 1, 11.5, {{"Corral", "2"}});
    EXPECT_FALSE(last_change(out.models().at("m")));
    ask(out, 2, 5, {{"Corral", "3"}}, 50, 3);
    EXPECT_FALSE(last_change(out.models().at("m"))) << "three answers are no measure";
}

TEST(speed_history, a_tool_that_is_silent_changes_nothing) {
    speed_history out;
    ask(out, 0, 12, {{"Corral", "1"}, {"driver", "3"}});
    ask(out, 0, 12, {{"Corral", "1"}});
    ask(out, 0, 12, {{"Corral", "1"}, {"firmware", "7"}});
    const auto& days = out.models().at("m");
    ASSERT_EQ(days.size(), 1U);
    EXPECT_EQ(days[0].with, (circumstances{{"Corral", "1"}, {"driver", "3"}, {"firmware", "7"}}));
}

TEST(speed_history, without_a_known_change_the_last_week_is_held_against_those_before) {
    speed_history out;
    for (int day = 0; day < 20; ++day) {
        ask(out, day, day < 13 ? 12 : 6, {{"Corral", "1"}}, day < 13 ? 100 : 400);
    }
    const auto change = last_change(out.models().at("m"));
    ASSERT_TRUE(change);
    EXPECT_EQ(change->text(),
              "50 % slower since 2026-01-14 (6.0, before 12.0 tokens/s): nothing that Corral knows has "
              "changed; its "
              "prompts are 4.0 times as long");
}

TEST(speed_history, is_kept_and_goes_on_behind_what_was_kept) {
    speed_history before;
    ask(before, 0, 12, {{"Corral", "1"}});
    speed_history out;
    ask(out, 1, 6, {{"Corral", "2"}});
    out.go_on_behind(speed_history::of_text(before.text()));
    const auto& days = out.models().at("m");
    ASSERT_EQ(days.size(), 2U);
    EXPECT_EQ(days[0].day, day_number(0));
    EXPECT_EQ(days[1].with.at("Corral"), "2");
    EXPECT_NE(out.report()["models"][0]["change"], "");
}

TEST(speed_history, what_is_no_history_is_left_out) {
    for (const char* text : {"", "[]", "{}", R"({"models":[]})", R"({"models":{"m":[1,{"day":3}]}})",
                             R"({"format":2,"models":{"m":[{"day":"2026-01-01","seconds":1,"with":{}}]}})"}) {
        EXPECT_TRUE(speed_history::of_text(text).models().empty()) << text;
    }
}

TEST(speed_history, stays_within_its_bounds) {
    speed_history out;
    for (int day = 0; day < 1000; ++day) {
        out.note("a", std::to_string(day), {}, {1, 100, core::seconds(1)});
        out.note("b" + std::to_string(day), "1", {}, {1, 100, core::seconds(1)});
    }
    std::size_t all = 0;
    for (const auto& [name, days] : out.models()) {
        EXPECT_LE(days.size(), speed_history::most_days);
        all += days.size();
    }
    EXPECT_LE(all, speed_history::most);
    EXPECT_LT(out.text().size(), 1024U * 1024U);
}

}  // namespace
}  // namespace corral::monitor
