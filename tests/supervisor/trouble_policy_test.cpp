#include "supervisor/trouble_policy.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

service_machine machine(service_state state, after_stop after = after_stop::rest) {
    service_machine m{catalog::restart_rule{}};
    m.state = state;
    m.after = after;
    m.wanted = true;
    m.alive = state == service_state::starting || state == service_state::ready;
    return m;
}

trouble after(service_state from, event_kind event, const service_machine& now) {
    return trouble_of(machine_before(machine(from)), event, now);
}

TEST(trouble_policy, tells_a_crash_from_a_hang_and_from_a_start_that_failed) {
    const service_machine again = machine(service_state::stopping, after_stop::retry);
    EXPECT_EQ(after(service_state::ready, event_kind::exited, again), trouble::crash);
    EXPECT_EQ(after(service_state::ready, event_kind::kill, again), trouble::hang);
    EXPECT_EQ(after(service_state::starting, event_kind::exited, again), trouble::failed_start);
    EXPECT_EQ(after(service_state::starting, event_kind::self_test_failed, again), trouble::failed_start);
    EXPECT_EQ(after(service_state::starting, event_kind::timer, again), trouble::failed_start);
    EXPECT_EQ(
        after(service_state::ready, event_kind::fault, machine(service_state::stopping, after_stop::refused)),
        trouble::intruder);
}

TEST(trouble_policy, a_start_that_is_refused_or_can_t_be_launched_failed) {
    EXPECT_EQ(after(service_state::starting, event_kind::refused, machine(service_state::broken)),
              trouble::failed_start);
    EXPECT_EQ(after(service_state::starting, event_kind::launch_failed, machine(service_state::starting)),
              trouble::failed_start);
}

TEST(trouble_policy, a_breaker_that_opens_is_told_once) {
    service_machine open = machine(service_state::broken);
    open.breaker = true;
    EXPECT_EQ(after(service_state::stopping, event_kind::gone, open), trouble::breaker);
    EXPECT_EQ(after(service_state::broken, event_kind::hold, open), trouble::none);
}

TEST(trouble_policy, what_was_asked_for_or_follows_from_another_trouble_is_none) {
    EXPECT_EQ(after(service_state::ready, event_kind::stop, machine(service_state::stopping)), trouble::none);
    EXPECT_EQ(
        after(service_state::ready, event_kind::hold, machine(service_state::stopping, after_stop::held)),
        trouble::none);
    EXPECT_EQ(after(service_state::stopping, event_kind::gone, machine(service_state::starting)),
              trouble::none);
    EXPECT_EQ(after(service_state::stopping, event_kind::timer,
                    machine(service_state::stopping, after_stop::retry)),
              trouble::none);
    service_machine unwanted = machine(service_state::ready);
    unwanted.wanted = false;
    EXPECT_EQ(trouble_of(machine_before(unwanted), event_kind::exited,
                         machine(service_state::stopping, after_stop::retry)),
              trouble::none);
}

}  // namespace
}  // namespace corral::supervisor
