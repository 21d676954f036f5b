#include "supervisor/machine/service_stepper.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using catalog::signal_target;
using core::milliseconds;

catalog::service_template rules() {
    catalog::service_template r;
    r.stop_loading = {{SIGKILL, signal_target::group, milliseconds{2000}}};
    r.stop_ready = {{SIGINT, signal_target::leader, milliseconds{8000}},
                    {SIGTERM, signal_target::group, milliseconds{1000}}};
    return r;
}

TEST(stop_ladder, takes_the_steps_of_its_phase_and_ends_in_a_group_kill) {
    const auto ready = stop_ladder(rules(), stop_phase::ready);
    ASSERT_EQ(ready.size(), 3U);
    EXPECT_EQ(ready[0].signal, SIGINT);
    EXPECT_EQ(ready[0].target, signal_target::leader);
    EXPECT_EQ(ready[0].grace, milliseconds{8000});
    EXPECT_EQ(ready[1].signal, SIGTERM);
    EXPECT_EQ(ready[2].signal, SIGKILL);
    EXPECT_EQ(ready[2].target, signal_target::group);
}

TEST(stop_ladder, does_not_add_a_last_resort_that_is_there) {
    const auto loading = stop_ladder(rules(), stop_phase::loading);
    ASSERT_EQ(loading.size(), 1U);
    EXPECT_EQ(loading[0].grace, milliseconds{2000});
}

TEST(stop_ladder, a_kill_of_the_leader_alone_is_no_last_resort) {
    catalog::service_template r;
    r.stop_ready = {{SIGKILL, signal_target::leader, milliseconds{100}}};
    EXPECT_EQ(stop_ladder(r, stop_phase::ready).size(), 2U);
}

TEST(stop_ladder, the_dead_and_the_undescribed_get_a_kill_at_once) {
    for (const stop_phase phase : {stop_phase::dead, stop_phase::loading, stop_phase::ready}) {
        const auto steps =
            stop_ladder(phase == stop_phase::dead ? rules() : catalog::service_template{}, phase);
        ASSERT_EQ(steps.size(), 1U);
        EXPECT_EQ(steps[0].signal, SIGKILL);
        EXPECT_EQ(steps[0].target, signal_target::group);
        EXPECT_GE(steps[0].grace, milliseconds{1000}) << "never repeated in a tight loop";
    }
}

TEST(stop_ladder, a_negative_or_missing_grace_is_made_sane) {
    catalog::service_template r;
    r.stop_ready = {{SIGINT, signal_target::leader, milliseconds{-5}},
                    {SIGKILL, signal_target::group, milliseconds{0}}};
    const auto steps = stop_ladder(r, stop_phase::ready);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].grace, milliseconds{0});
    EXPECT_GE(steps[1].grace, milliseconds{1000});
}

}  // namespace
}  // namespace corral::supervisor
