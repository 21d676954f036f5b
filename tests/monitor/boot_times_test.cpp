#include "corral/monitor/boot_times.hpp"

#include <gtest/gtest.h>

#include "supervisor/scripted_group.hpp"

namespace corral::monitor {
namespace {

using std::chrono::seconds;
using supervisor::service_state;
using supervisor::trouble;

TEST(boot_times, each_thing_counts_the_first_time_from_power_on_and_from_the_start) {
    core::manual_clock clock;
    boot_times boot(clock, seconds{30});
    EXPECT_EQ(boot.started().since_power_on, seconds{30});
    EXPECT_FALSE(boot.listening());
    EXPECT_FALSE(boot.first_answer());
    clock.advance(seconds{1});
    boot.note_listening();
    clock.advance(seconds{1});
    boot.note_answer();
    clock.advance(seconds{5});
    boot.note_listening();
    boot.note_answer();
    EXPECT_EQ(boot.listening()->since_start, seconds{1});
    EXPECT_EQ(boot.listening()->since_power_on, seconds{31});
    EXPECT_EQ(boot.first_answer()->since_start, seconds{2});
}

TEST(boot_times, a_model_is_loaded_once_however_often_it_comes_back) {
    core::manual_clock clock;
    boot_times boot(clock, seconds{30});
    supervisor::scripted_group services{"m"};
    boot.watch("m:latest", services);
    services.move(service_state::starting, trouble::none, "");
    EXPECT_TRUE(boot.models().empty());
    clock.advance(seconds{9});
    services.move(service_state::ready, trouble::none, "");
    clock.advance(seconds{9});
    services.move(service_state::waiting, trouble::crash, "it died");
    services.move(service_state::ready, trouble::none, "");
    ASSERT_EQ(boot.models().size(), 1U);
    EXPECT_EQ(boot.models().front().name, "m:latest");
    EXPECT_EQ(boot.models().front().when.since_start, seconds{9});
    boot.forget(services);
    EXPECT_TRUE(services.observers.empty());
}

TEST(boot_times, a_load_that_begins_behind_the_first_answer_is_none_of_the_boot) {
    core::manual_clock clock;
    supervisor::scripted_group early{"a"};
    supervisor::scripted_group slow{"b"};
    supervisor::scripted_group swapped{"c"};
    boot_times boot(clock, seconds{30});  // it looks at them to its end
    boot.watch("a:latest", early);
    boot.watch("b:latest", slow);
    boot.watch("c:latest", swapped);
    early.move(service_state::starting, trouble::none, "");
    slow.move(service_state::starting, trouble::none, "");
    early.move(service_state::ready, trouble::none, "");
    boot.note_answer();
    slow.move(service_state::ready, trouble::none, "");
    early.move(service_state::stopped, trouble::none, "");
    swapped.move(service_state::starting, trouble::none, "");
    swapped.move(service_state::ready, trouble::none, "");
    ASSERT_EQ(boot.models().size(), 2U);
    EXPECT_EQ(boot.models().back().name, "b:latest");
}

TEST(boot_times, the_machine_is_up_longer_than_nothing) {
    EXPECT_GT(time_since_power_on(), core::nanoseconds{0});
}

}  // namespace
}  // namespace corral::monitor
