// What a start's clocks learn, how signs of life count, and when the canary sings.

#include <csignal>

#include <optional>

#include <gtest/gtest.h>

#include "supervisor/machine/service_fsm.hpp"

namespace corral::supervisor {
namespace {

using core::milliseconds;
using core::seconds;
using enum event_kind;

service_plan plan() {
    service_plan p;
    p.rules.start_stall = milliseconds{100'000};
    p.rules.start_stall_bounds = {milliseconds{20'000}, milliseconds{300'000}};
    p.rules.start_limit = milliseconds{600'000};
    p.rules.start_limit_bounds = {milliseconds{60'000}, milliseconds{2'000'000}};
    p.rules.liveness.interval = milliseconds{15'000};
    p.rules.liveness.failures = 2;
    p.rules.liveness.probe.method = "OPTIONS";
    p.rules.liveness.probe.target = "/x";
    p.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{2000}}};
    p.rules.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{3000}}};
    p.has_self_test = true;
    return p;
}

class driven {
public:
    driven& operator<<(event_kind what) { return tell({what, core::reason::unlisted("why"), ""}); }
    driven& tell(const service_event& event, core::nanoseconds late = core::nanoseconds{0}) {
        transition moved = step(m, event, p, {now, 0.0, late});
        m = std::move(moved.next);
        action = std::move(moved.action);
        return *this;
    }
    driven& pass(core::nanoseconds by) {
        now += by;
        return *this;
    }
    [[nodiscard]] bool did(action_kind what) const { return action && action->what == what; }
    // A load with a sign of progress at each of `pauses`.
    driven& load(std::initializer_list<seconds> pauses) {
        *this << spawned;
        for (const seconds pause : pauses) {
            pass(pause) << progress;
        }
        return *this << socket_owned << probe_answered << self_test_passed;
    }
    driven& die() { return *this << exited << gone; }
    [[nodiscard]] seconds until_wake() const {
        return m.wake() ? std::chrono::duration_cast<seconds>(*m.wake() - now) : seconds{-1};
    }

    service_plan p = plan();
    service_machine m{catalog::restart_rule{}};
    core::steady_time now{seconds{1000}};
    std::optional<service_action> action;
};

TEST(service_fsm_clocks, a_good_load_is_the_measure_of_the_next) {
    driven d;
    d << start;
    d.load({seconds{4}, seconds{10}, seconds{6}});
    ASSERT_EQ(d.m.state(), service_state::ready);
    d.die();
    d << spawned;
    EXPECT_EQ(d.until_wake(), seconds{50}) << "the longest pause, 10 s, times 5";
    for (int i = 0; i < 3; ++i) {
        d.pass(seconds{25}) << progress;
    }
    EXPECT_EQ(d.until_wake(), seconds{5}) << "the load, 20 s, times 4";
}

TEST(service_fsm_clocks, a_quick_load_stays_above_the_floor) {
    driven d;
    d << start;
    d.load({seconds{1}}).die();
    d << spawned;
    EXPECT_EQ(d.until_wake(), seconds{20});
}

TEST(service_fsm_clocks, a_load_that_stalls_says_which_clock_and_widens_it) {
    driven d;
    d.p.rules.start_limit_bounds.floor = milliseconds{600'000};
    d << start;
    d.load({seconds{4}, seconds{10}}).die();
    d << spawned;
    d.pass(seconds{50}) << timer;
    ASSERT_EQ(d.m.state(), service_state::stopping);
    EXPECT_EQ(
        d.m.reason,
        "no sign of progress for 50 s while loading (why); the clock of progress stood at 50 s (learned "
        "from 1 load, the longest 10 s, times 5; floor 20 s, ceiling 300 s)");
    d.die();
    d << timer;
    if (d.m.state() == service_state::waiting) {
        d.pass(seconds{60}) << timer;
    }
    d << spawned;
    EXPECT_EQ(d.until_wake(), seconds{100}) << "back to the profile's";
    d.pass(seconds{100}) << timer;
    d.die();
    d.pass(seconds{60}) << timer << spawned;
    EXPECT_EQ(d.until_wake(), seconds{200}) << "wrong twice";
}

TEST(service_fsm_clocks, our_own_lateness_is_given_on_top) {
    driven d;
    d << start << spawned;
    ASSERT_EQ(d.until_wake(), seconds{100});
    d.pass(seconds{60}).tell({timer, core::reason::unlisted(""), ""}, seconds{40});
    EXPECT_EQ(d.until_wake(), seconds{80});
    d.pass(seconds{60}) << timer;
    EXPECT_EQ(d.m.state(), service_state::starting) << "120 s, of which 40 were ours";
    d.pass(seconds{20}) << timer;
    EXPECT_EQ(d.m.state(), service_state::stopping);
}

TEST(service_fsm_clocks, lateness_before_a_sign_of_progress_is_over_with_it) {
    driven d;
    d << start << spawned;
    d.pass(seconds{60}).tell({timer, core::reason::unlisted(""), ""}, seconds{40});
    d << progress;
    EXPECT_EQ(d.until_wake(), seconds{100});
}

TEST(service_fsm_liveness, silence_in_a_row_is_hung_and_a_single_one_is_not) {
    driven d;
    d << start;
    d.load({});
    d << probe_failed;
    EXPECT_EQ(d.m.state(), service_state::ready);
    d << probe_ok << probe_failed;
    EXPECT_EQ(d.m.state(), service_state::ready) << "it had answered in between";
    d.tell({probe_failed, core::reason::unlisted("no answer within 5 s"), ""});
    EXPECT_EQ(d.m.state(), service_state::stopping);
    EXPECT_TRUE(d.did(action_kind::signal));
    EXPECT_EQ(d.action->step.signal, SIGKILL) << "nothing can be asked of it";
    EXPECT_EQ(d.m.reason,
              "no longer answers. OPTIONS /x failed 2 times in a row while nothing else was asked of it "
              "(no answer within 5 s)");
    d.die();
    EXPECT_EQ(d.m.state(), service_state::starting) << "at once";
}

TEST(service_fsm_liveness, a_new_process_begins_without_silences) {
    driven d;
    d << start;
    d.load({});
    d << probe_failed;
    d.die().load({});
    d << probe_failed;
    EXPECT_EQ(d.m.state(), service_state::ready);
}

TEST(service_fsm_liveness, answers_that_come_late_say_nothing) {
    driven d;
    d << start << spawned << probe_failed << probe_failed << probe_failed;
    EXPECT_EQ(d.m.state(), service_state::starting);
    EXPECT_FALSE(d.action);
}

TEST(service_fsm_canary, always) {
    driven d;
    d << start << spawned << socket_owned << probe_answered;
    EXPECT_TRUE(d.did(action_kind::self_test));
    EXPECT_EQ(d.m.state(), service_state::starting);
}

TEST(service_fsm_canary, never) {
    driven d;
    d.p.rules.canary = catalog::canary_mode::never;
    d << start << spawned << socket_owned << probe_answered;
    EXPECT_EQ(d.m.state(), service_state::ready);
    d.die();
    d << spawned << socket_owned << probe_answered;
    EXPECT_EQ(d.m.state(), service_state::ready);
}

TEST(service_fsm_canary, after_restart_only_when_the_process_before_ended_unwanted) {
    driven d;
    d.p.rules.canary = catalog::canary_mode::after_restart;
    d << start << spawned << socket_owned << probe_answered;
    EXPECT_EQ(d.m.state(), service_state::ready) << "the first start";
    d << stop;
    d.die();
    d << start << spawned << socket_owned << probe_answered;
    EXPECT_EQ(d.m.state(), service_state::ready) << "asked for";
    d.die();
    d << spawned << socket_owned << probe_answered;
    EXPECT_TRUE(d.did(action_kind::self_test)) << "it had died";
    d << self_test_failed;
    d.die();
    d.now = d.m.wake().value_or(d.now);
    d << timer << spawned << socket_owned << probe_answered;
    EXPECT_TRUE(d.did(action_kind::self_test)) << "and still has not proved itself";
    d << self_test_passed << stop;
    d.die();
    d << start << spawned << socket_owned << probe_answered;
    EXPECT_EQ(d.m.state(), service_state::ready) << "proved";
}

}  // namespace
}  // namespace corral::supervisor
