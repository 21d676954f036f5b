#include "corral/device/gate_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::device {
namespace {

using core::milliseconds;
using core::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr pid_t ours = 1234;
constexpr pid_t other = 77;

// A card of 7040 MB that only what is told here uses.
class box {
public:
    box() {
        options.program = "main_api";
        options.advice = "restart the card";
    }
    gate_policy& policy() {
        if (!made_) {
            made_.emplace(options);
        }
        return *made_;
    }
    gate_decision ask() {
        now += seconds{1};
        return policy().judge(look(), now, [this](pid_t pid) { return pid == living; });
    }
    device_look look() const {
        device_look all;
        all.at = now;
        all.problem = problem;
        all.message = "the tool said so";
        if (problem == look_problem::none && card) {
            card_figures figures;
            figures.temperature = 37;
            figures.model_memory = memory_use{used, 7040};
            all.report.cards.push_back(figures);
        }
        all.report.lists_processes = lists;
        all.report.processes = processes;
        return all;
    }
    // A start from an open gate to readiness with so much taken.
    void run(std::uint64_t takes) {
        EXPECT_EQ(ask().answer, gate_answer::open);
        policy().on_spawned(ours, 1);
        living = ours;
        used += takes;
        if (lists) {
            processes.push_back({0, ours, "/opt/main_api", takes * 1024});
        }
        policy().on_ready(look(), 1);
    }
    void die() {
        living = 0;
        policy().on_gone();
    }
    void memory_comes_back() {
        used = 18;
        processes.clear();
    }

    gate_options options;
    std::uint64_t used = 18;
    bool card = true;
    bool lists = true;
    look_problem problem = look_problem::none;
    std::vector<device_process> processes;
    pid_t living = 0;
    core::steady_time now{seconds{1000}};

private:
    std::optional<gate_policy> made_;
};

TEST(gate_policy, a_card_with_free_memory_is_open_and_says_how_it_is) {
    box b;
    const auto decision = b.ask();
    EXPECT_EQ(decision.answer, gate_answer::open);
    EXPECT_EQ(decision.reason, "37 C, 18 of 7040 MB in use");
    EXPECT_EQ(decision.warning, "");
}

TEST(gate_policy, no_card_and_a_silent_driver_shut_it_until_they_are_back) {
    box b;
    b.card = false;
    EXPECT_EQ(b.ask().answer, gate_answer::shut);
    EXPECT_THAT(b.ask().reason, HasSubstr("no card"));
    EXPECT_EQ(b.ask().advice, "restart the card");
    b.problem = look_problem::hangs;
    EXPECT_EQ(b.ask().answer, gate_answer::shut);
    EXPECT_THAT(b.ask().reason, HasSubstr("driver does not answer"));
    b.problem = look_problem::none;
    b.card = true;
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, another_card_than_the_one_asked_for_is_no_card) {
    box b;
    b.options.card = 1;
    EXPECT_EQ(b.ask().answer, gate_answer::shut);
    EXPECT_THAT(b.ask().reason, HasSubstr("card 1"));
}

struct tool_case {
    look_problem problem;
    bool optional;
    bool worked;
    gate_answer answer;
};

TEST(gate_policy, an_optional_tool_that_never_worked_keeps_nothing_from_starting) {
    using enum look_problem;
    const std::vector<tool_case> table{
        {tool_missing, true, false, gate_answer::open},  {tool_missing, true, true, gate_answer::open},
        {tool_missing, false, false, gate_answer::shut}, {tool_fails, true, false, gate_answer::open},
        {tool_fails, true, true, gate_answer::shut},     {tool_fails, false, false, gate_answer::shut},
        {unreadable, true, false, gate_answer::open},    {unreadable, true, true, gate_answer::shut},
        {unreadable, false, false, gate_answer::shut},   {hangs, true, false, gate_answer::shut},
        {hangs, true, true, gate_answer::shut},          {hangs, false, false, gate_answer::shut},
    };
    for (const tool_case& row : table) {
        box b;
        b.options.optional = row.optional;
        if (row.worked) {
            b.ask();
        }
        b.problem = row.problem;
        const auto decision = b.ask();
        EXPECT_EQ(decision.answer, row.answer)
            << static_cast<int>(row.problem) << " optional " << row.optional << " worked " << row.worked;
        const std::string said = decision.answer == gate_answer::open ? decision.warning : decision.reason;
        EXPECT_THAT(said, HasSubstr("the tool said so"));
        EXPECT_EQ(b.ask().warning, "") << "a warning is said once";
    }
}

TEST(gate_policy, memory_of_a_killed_process_is_waited_for_and_named) {
    box b;
    b.run(4779);
    EXPECT_EQ(b.policy().need(), 4779U);
    b.die();
    const auto waits = b.ask();
    EXPECT_EQ(waits.answer, gate_answer::wait);
    EXPECT_EQ(waits.reason,
              "waiting for device memory: 2243 of 7040 MB free, about 4779 MB needed, the ended process 1234 "
              "still holds 4779 MB");
    b.memory_comes_back();
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, memory_that_never_comes_back_is_given_up_and_looked_at_again) {
    box b;
    b.run(4779);
    b.die();
    EXPECT_EQ(b.ask().answer, gate_answer::wait);
    b.now += seconds{29};
    const auto shut = b.ask();
    EXPECT_EQ(shut.answer, gate_answer::shut);
    EXPECT_THAT(shut.reason, HasSubstr("did not come back within 30 s"));
    EXPECT_THAT(shut.reason, HasSubstr("the ended process 1234 still holds 4779 MB"));
    EXPECT_EQ(shut.advice, "restart the card");
    EXPECT_EQ(b.ask().answer, gate_answer::shut);
    b.memory_comes_back();
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, when_enough_is_free_lost_memory_only_delays_the_start) {
    box b;
    b.run(1000);
    b.die();
    EXPECT_EQ(b.ask().answer, gate_answer::wait);
    b.now += seconds{30};
    const auto decision = b.ask();
    EXPECT_EQ(decision.answer, gate_answer::open);
    EXPECT_THAT(decision.warning, HasSubstr("did not come back"));
}

TEST(gate_policy, a_process_that_left_the_list_has_given_its_memory_back) {
    box b;
    b.run(1000);
    b.die();
    b.processes = {{0, other, "/opt/other", 1000 * 1024}};  // as much is used, but by another one
    b.living = other;
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, without_a_list_the_sum_tells) {
    box b;
    b.lists = false;
    b.run(5000);
    EXPECT_EQ(b.policy().need(), 5000U) << "learned from the growth";
    b.die();
    const auto waits = b.ask();
    EXPECT_EQ(waits.answer, gate_answer::wait);
    EXPECT_THAT(waits.reason, HasSubstr("5000 MB more are in use than before the last start"));
    b.memory_comes_back();
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, growth_beside_another_start_teaches_nothing) {
    box b;
    b.lists = false;
    b.ask();
    b.policy().on_spawned(ours, 1);
    b.used = 6000;
    b.policy().on_ready(b.look(), 2);
    EXPECT_EQ(b.policy().need(), 0U);
}

TEST(gate_policy, another_program_on_the_card_is_named_and_not_waited_for_to_die) {
    box b;
    b.options.memory_mb = 4000;
    b.used = 6000;
    b.living = other;
    b.processes = {{0, other, "/opt/big_model", 5982 * 1024}};
    const auto waits = b.ask();
    EXPECT_EQ(waits.answer, gate_answer::wait);
    EXPECT_THAT(waits.reason, HasSubstr("process 77 (big_model) holds 5982 MB"));
    EXPECT_THAT(waits.reason, HasSubstr("about 4000 MB needed"));
    b.now += seconds{30};
    const auto shut = b.ask();
    EXPECT_EQ(shut.answer, gate_answer::shut);
    EXPECT_THAT(shut.advice, HasSubstr("stop that program"));
}

TEST(gate_policy, an_unknown_need_is_no_reason_to_wait) {
    box b;
    b.used = 7000;
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, left_overs_of_an_earlier_life_are_waited_for_but_not_for_ever) {
    box b;
    b.used = 5000;
    b.processes = {{0, 999, "/opt/main_api", 4900 * 1024}};
    const auto waits = b.ask();
    EXPECT_EQ(waits.answer, gate_answer::wait);
    EXPECT_THAT(waits.reason, HasSubstr("the ended process 999 still holds 4900 MB"));
    b.now += seconds{30};
    EXPECT_EQ(b.ask().answer, gate_answer::open);
}

TEST(gate_policy, a_process_that_never_got_ready_and_keeps_its_memory_shuts_it) {
    box b;
    b.ask();
    b.policy().on_spawned(ours, 1);
    b.used = 3000;
    b.processes = {{0, ours, "/opt/main_api", 2982 * 1024}};
    b.die();
    EXPECT_EQ(b.ask().answer, gate_answer::wait);
    b.now += seconds{30};
    EXPECT_EQ(b.ask().answer, gate_answer::shut);
}

TEST(gate_policy, a_card_without_memory_figures_is_only_checked_for_presence) {
    box b;
    b.options.memory_mb = 4000;
    device_look look;
    look.report.cards.emplace_back();
    EXPECT_EQ(b.policy().judge(look, b.now, [](pid_t) { return false; }).answer, gate_answer::open);
}

}  // namespace
}  // namespace corral::device
