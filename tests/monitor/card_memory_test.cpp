#include "corral/monitor/card_memory.hpp"

#include <gtest/gtest.h>

namespace corral::monitor {
namespace {

device::device_report report(std::uint64_t used, std::vector<device::device_process> processes,
                             bool lists = true) {
    device::device_report out;
    device::card_figures card;
    card.index = 1;
    card.model_memory = device::memory_use{used, 7040};
    out.cards.push_back(card);
    out.processes = std::move(processes);
    out.lists_processes = lists;
    return out;
}

device::device_process process(pid_t pid, std::uint64_t mb, unsigned card = 1) {
    return {card, pid, "main_api", mb * 1024};
}

bool mine(pid_t pid) {
    return pid == 10;
}

TEST(card_memory, all_but_what_is_ours_is_others) {
    const auto found = foreign_memory_in(report(3018, {process(10, 2000), process(11, 1000)}), 1, mine, true);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->total, 7040U);
    EXPECT_EQ(found->others, 1000U);
    EXPECT_EQ(found->unowned, 18U) << "what the driver keeps";
}

TEST(card_memory, a_process_on_another_card_counts_there) {
    const auto found =
        foreign_memory_in(report(2018, {process(10, 2000), process(10, 999, 0)}), 1, mine, true);
    EXPECT_EQ(found->others, 0U);
    EXPECT_EQ(found->unowned, 18U);
}

TEST(card_memory, a_list_that_claims_more_than_is_in_use_is_not_believed) {
    EXPECT_EQ(foreign_memory_in(report(18, {process(10, 9000)}), 1, mine, true)->unowned, 0U);
}

TEST(card_memory, without_a_list_only_a_card_without_us_tells) {
    EXPECT_EQ(foreign_memory_in(report(18, {}, false), 1, mine, false)->unowned, 18U);
    EXPECT_FALSE(foreign_memory_in(report(4797, {}, false), 1, mine, true)->unowned);
}

TEST(card_memory, a_report_without_that_card_or_its_memory_tells_nothing) {
    EXPECT_FALSE(foreign_memory_in(report(18, {}), 0, mine, false));
    auto bare = report(18, {});
    bare.cards[0].model_memory.reset();
    EXPECT_FALSE(foreign_memory_in(bare, 1, mine, false));
}

TEST(card_memory, one_look_that_was_torn_takes_no_room_away) {
    idle_figures idle;
    const core::steady_time begin{core::seconds{1000}};
    EXPECT_EQ(idle.least(begin, std::nullopt), 0U);
    EXPECT_EQ(idle.least(begin, 18), 18U);
    EXPECT_EQ(idle.least(begin + core::seconds{1}, 5018), 18U) << "its process had left the list already";
    EXPECT_EQ(idle.least(begin + core::seconds{2}, 18), 18U);
    EXPECT_EQ(idle.least(begin + core::seconds{63}, 500), 500U) << "what is so for a minute is so";
    EXPECT_EQ(idle.least(begin + core::seconds{64}, std::nullopt), 500U);
}

TEST(card_memory, without_a_tool_the_configuration_counts) {
    const device::reader_set none(device::reader_context{});
    card_memory room(none);
    EXPECT_FALSE(room.of(0));
    room.set_otherwise(6000);
    EXPECT_EQ(room.of(0), 6000U);
}

TEST(card_memory, what_was_known_before_an_upgrade_counts_until_a_tool_tells) {
    const device::reader_set none(device::reader_context{});
    card_memory room(none);
    EXPECT_EQ(room.text(), "");
    room.set_otherwise(6000);
    room.go_on_behind("0=7022 1=100 nonsense 2=x -1=3 = 3=");
    EXPECT_EQ(room.of(0), 7022U);
    EXPECT_EQ(room.of(1), 100U);
    EXPECT_EQ(room.of(2), 6000U);
    EXPECT_EQ(room.text(), "0=7022 1=100") << "for one upgrade after the other";
}

}  // namespace
}  // namespace corral::monitor
