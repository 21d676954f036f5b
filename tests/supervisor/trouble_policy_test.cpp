#include "supervisor/machine/trouble_policy.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

service_machine machine(phase::any now) {
    service_machine m{catalog::restart_rule{}};
    m.now = std::move(now);
    m.wanted = true;
    return m;
}

service_machine machine(after_stop after) {
    return machine(phase::stopping{after, {}, phase::dead{}});
}

const phase::starting loading{phase::loading{}};
const phase::stopping asked_to_stop{after_stop::rest, {}, phase::dead{}};

trouble after(const phase::any& from, event_kind event, const service_machine& now) {
    return trouble_of(machine_before(machine(from)), {event, {}, {}}, now);
}

TEST(trouble_policy, tells_a_crash_from_a_hang_and_from_a_start_that_failed) {
    const service_machine again = machine(after_stop::retry);
    EXPECT_EQ(after(phase::ready{}, event_kind::exited, again), trouble::crash);
    EXPECT_EQ(after(phase::ready{}, event_kind::kill, again), trouble::hang);
    EXPECT_EQ(after(loading, event_kind::exited, again), trouble::failed_start);
    EXPECT_EQ(after(loading, event_kind::self_test_failed, again), trouble::failed_start);
    EXPECT_EQ(after(loading, event_kind::timer, again), trouble::failed_start);
    EXPECT_EQ(after(phase::ready{}, event_kind::fault, machine(after_stop::refused)), trouble::intruder);
}

TEST(trouble_policy, a_start_that_is_refused_or_can_t_be_launched_failed) {
    EXPECT_EQ(after(loading, event_kind::refused, machine(phase::broken{})), trouble::failed_start);
    EXPECT_EQ(after(loading, event_kind::launch_failed, machine(loading)), trouble::failed_start);
}

TEST(trouble_policy, a_breaker_that_opens_is_told_once) {
    const service_machine open = machine(phase::broken{phase::breaker_open{}});
    EXPECT_EQ(after(asked_to_stop, event_kind::gone, open), trouble::breaker);
    EXPECT_EQ(after(phase::broken{}, event_kind::hold, open), trouble::none);
}

TEST(trouble_policy, what_was_asked_for_or_follows_from_another_trouble_is_none) {
    EXPECT_EQ(after(phase::ready{}, event_kind::stop, machine(asked_to_stop)), trouble::none);
    EXPECT_EQ(after(phase::ready{}, event_kind::hold, machine(after_stop::held)), trouble::none);
    EXPECT_EQ(after(asked_to_stop, event_kind::gone, machine(loading)), trouble::none);
    EXPECT_EQ(after(asked_to_stop, event_kind::timer, machine(after_stop::retry)), trouble::none);
    service_machine unwanted = machine(phase::ready{});
    unwanted.wanted = false;
    EXPECT_EQ(trouble_of(machine_before(unwanted), {event_kind::exited, {}, {}}, machine(after_stop::retry)),
              trouble::none);
}

TEST(trouble_policy, a_restart_by_choice_is_none_and_says_whose_choice_it_was) {
    const machine_before serving(machine(phase::ready{}));
    const service_machine again = machine(after_stop::again);
    for (const restart_reason why : {restart_reason::asked, restart_reason::cancel}) {
        service_event kill{event_kind::kill, {}, {}};
        kill.why = why;
        EXPECT_EQ(trouble_of(serving, kill, again), trouble::none);
        EXPECT_EQ(reason_of(serving, kill, again), why);
    }
    EXPECT_EQ(reason_of(serving, {event_kind::hold, {}, {}}, machine(after_stop::held)),
              restart_reason::dependency);
    EXPECT_EQ(reason_of(serving, {event_kind::stop, {}, {}}, machine(asked_to_stop)), std::nullopt);
}

}  // namespace
}  // namespace corral::supervisor
