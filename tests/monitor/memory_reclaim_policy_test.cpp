#include "monitor/memory_reclaim_policy.hpp"

#include <gtest/gtest.h>

namespace corral::monitor {
namespace {

device::device_report report(std::uint64_t used, std::vector<device::device_process> processes, bool lists) {
    device::device_report out;
    device::card_figures card;
    card.model_memory = device::memory_use{used, 7040};
    out.cards.push_back(card);
    out.processes = std::move(processes);
    out.lists_processes = lists;
    return out;
}

const device::device_process ours{0, 10, "main_api", 4779 * 1024};
const device::device_process other{0, 11, "main_api", 1000 * 1024};

TEST(memory_reclaim_policy, the_list_names_who_still_holds_it) {
    const auto before = share_of(report(5797, {ours, other}, true), 0, 10, 0);
    EXPECT_TRUE(before.listed);
    EXPECT_EQ(before.mb, 4779U);
    const auto still = judge_memory_reclaim(before, 10, report(5797, {ours, other}, true), false);
    EXPECT_EQ(still.answer, memory_reclaim::not_yet);
    EXPECT_EQ(still.missing_mb, 4779U);
    EXPECT_EQ(still.held_by, "the ended process 10");
    const auto back = judge_memory_reclaim(before, 10, report(1018, {other}, true), false);
    EXPECT_EQ(back.answer, memory_reclaim::all);
    EXPECT_EQ(back.figures, "card 0: 1018 of 7040 MB in use");
}

TEST(memory_reclaim_policy, without_a_list_sums_are_compared_while_nobody_else_moves) {
    const auto before = share_of(report(4797, {}, false), 0, 10, 4779);
    EXPECT_EQ(judge_memory_reclaim(before, 10, report(20, {}, false), true).answer, memory_reclaim::all);
    const auto still = judge_memory_reclaim(before, 10, report(4797, {}, false), true);
    EXPECT_EQ(still.answer, memory_reclaim::not_yet);
    EXPECT_EQ(still.missing_mb, 4779U);
    EXPECT_EQ(judge_memory_reclaim(before, 10, report(20, {}, false), false).answer, memory_reclaim::unknown);
}

TEST(memory_reclaim_policy, a_process_that_the_list_never_named_is_judged_by_the_sum) {
    const auto before = share_of(report(4797, {other}, true), 0, 10, 3779);
    EXPECT_FALSE(before.listed);
    EXPECT_EQ(judge_memory_reclaim(before, 10, report(4797, {other}, true), true).answer,
              memory_reclaim::not_yet);
    EXPECT_EQ(judge_memory_reclaim(before, 10, report(1018, {other}, true), true).answer,
              memory_reclaim::all);
}

TEST(memory_reclaim_policy, what_was_never_known_is_not_guessed) {
    const auto before = share_of(report(4797, {}, false), 0, 10, 0);
    EXPECT_EQ(judge_memory_reclaim(before, 10, report(18, {}, false), true).answer, memory_reclaim::unknown);
    EXPECT_EQ(
        judge_memory_reclaim(share_of(report(4797, {}, false), 3, 10, 5), 10, report(18, {}, false), true)
            .answer,
        memory_reclaim::unknown);
}

}  // namespace
}  // namespace corral::monitor
