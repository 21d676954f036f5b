#include "supervisor/machine/service_fsm.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include "corral/core/say.hpp"

namespace corral::supervisor {
namespace {

using core::milliseconds;
using core::seconds;
using enum event_kind;

service_plan plan() {
    service_plan p;
    p.rules.start_stall = milliseconds{10'000};
    p.rules.start_limit = milliseconds{60'000};
    p.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{2000}}};
    p.rules.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{3000}}};
    p.has_self_test = true;
    p.has_quiesce = true;
    p.quiesce_limit = milliseconds{4000};
    p.look_again = milliseconds{10'000};
    p.breaker_retry = milliseconds{300'000};
    return p;
}

catalog::restart_rule rule() {
    catalog::restart_rule r;
    r.first_backoff = milliseconds{1000};
    r.intensity = 2;
    return r;
}

// A machine driven by hand; its log is what it was told to do.
class driven {
public:
    driven& operator<<(event_kind what) { return tell({what, core::reason::unlisted("why"), "advice"}); }
    driven& tell(const service_event& event) {
        transition moved = step(m, event, p, {now, 0.5});
        m = std::move(moved.next);
        if (const auto& action = moved.action) {
            log += action->what == action_kind::signal ? "signal" + std::to_string(action->step.signal)
                                                       : std::to_string(static_cast<int>(action->what));
            log += " ";
            last = action->what;
        }
        acted = moved.action ? 1U : 0U;
        return *this;
    }
    driven& pass(milliseconds by) {
        now += by;
        return *this << timer;
    }
    // Ends after so long that it is no quick start.
    driven& fail_slowly() {
        *this << spawned;
        now += seconds{6};
        return *this << exited << gone;
    }
    driven& to_ready() {
        return *this << start << spawned << socket_owned << probe_answered << self_test_passed;
    }
    [[nodiscard]] milliseconds until_wake() const {
        return m.wake() ? std::chrono::duration_cast<milliseconds>(*m.wake() - now) : milliseconds{-1};
    }

    service_plan p = plan();
    service_machine m{rule()};
    core::steady_time now{seconds{1000}};
    std::string log;
    action_kind last = action_kind::launch;
    std::size_t acted = 0;
};

TEST(service_fsm, readiness_is_a_sequence_and_each_step_asks_for_the_next) {
    driven d;
    d << start;
    EXPECT_EQ(d.m.state(), service_state::starting);
    EXPECT_EQ(d.last, action_kind::launch);
    d << spawned;
    EXPECT_EQ(d.m.state(), service_state::starting) << "spawned is not ready";
    EXPECT_EQ(d.last, action_kind::watch_socket);
    d << socket_owned;
    EXPECT_EQ(d.last, action_kind::probe);
    d << probe_answered;
    EXPECT_EQ(d.last, action_kind::self_test);
    EXPECT_EQ(d.m.state(), service_state::starting);
    d << self_test_passed;
    EXPECT_EQ(d.m.state(), service_state::ready);
    EXPECT_EQ(d.last, action_kind::guard);
    EXPECT_FALSE(d.m.wake());
}

TEST(service_fsm, proof_out_of_its_stage_proves_nothing) {
    for (const event_kind early : {probe_answered, self_test_passed, self_test_failed, quiesced}) {
        driven d;
        d << start << spawned;
        d << early;
        EXPECT_TRUE(d.m.in_stage(load_stage::socket)) << to_string(early);
        EXPECT_EQ(d.acted, 0U);
    }
    driven d;
    d << start << spawned << socket_owned << self_test_passed;
    EXPECT_EQ(d.m.state(), service_state::starting);
}

TEST(service_fsm, without_a_first_test_the_probe_is_the_last_step) {
    driven d;
    d.p.has_self_test = false;
    d << start << spawned << socket_owned << probe_answered;
    EXPECT_EQ(d.m.state(), service_state::ready);
}

TEST(service_fsm, progress_moves_the_stall_clock_but_not_the_limit) {
    driven d;
    d << start << spawned;
    EXPECT_EQ(d.until_wake(), milliseconds{10'000});
    for (int i = 0; i < 6; ++i) {
        d.now += milliseconds{9000};
        d << progress;
        ASSERT_EQ(d.m.state(), service_state::starting);
    }
    EXPECT_EQ(d.until_wake(), milliseconds{6000}) << "the whole start has its limit";
    d.pass(milliseconds{6000});
    EXPECT_EQ(d.m.state(), service_state::stopping);
    EXPECT_NE(d.m.reason.text().find("not ready within 60 s"), std::string::npos) << d.m.reason;
    EXPECT_NE(d.log.find("signal9"), std::string::npos) << "the ladder of loading";
    d << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::starting) << "restarted";
}

TEST(service_fsm, a_start_without_progress_ends_and_says_what_was_in_the_way) {
    driven d;
    d << start << spawned << socket_owned;
    d.now += milliseconds{10'000};
    d.tell({timer, core::reason::unlisted("OPTIONS / was answered with status 500"), ""});
    EXPECT_EQ(d.m.state(), service_state::stopping);
    EXPECT_NE(d.m.reason.text().find("10 s"), std::string::npos) << d.m.reason;
    EXPECT_NE(d.m.reason.text().find("status 500"), std::string::npos) << d.m.reason;
}

TEST(service_fsm, a_timer_before_its_time_changes_nothing) {
    driven d;
    d << start << spawned;
    d.pass(milliseconds{9999});
    EXPECT_EQ(d.m.state(), service_state::starting);
    EXPECT_EQ(d.acted, 0U);
}

TEST(service_fsm, first_failure_restarts_at_once_then_backs_off_then_breaks) {
    driven d;
    (d << start).fail_slowly();
    EXPECT_EQ(d.m.state(), service_state::starting);
    d.fail_slowly();
    EXPECT_EQ(d.m.state(), service_state::waiting);
    EXPECT_EQ(d.until_wake(), milliseconds{500});
    d.pass(milliseconds{500});
    EXPECT_EQ(d.m.state(), service_state::starting);
    d.fail_slowly();
    EXPECT_EQ(d.m.state(), service_state::broken);
    EXPECT_NE(d.m.reason.text().find("why"), std::string::npos);
    EXPECT_EQ(d.m.advice, "advice");
    EXPECT_EQ(d.until_wake(), milliseconds{37'500}) << "an eighth";
    d.pass(milliseconds{37'500});
    EXPECT_EQ(d.m.state(), service_state::starting) << "one trial";
    d << spawned << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::broken) << "and no more than one";
    d << start;
    EXPECT_EQ(d.m.state(), service_state::starting) << "a person may always try";
    d << spawned << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::starting) << "with a clean slate";
}

TEST(service_fsm, what_a_restart_can_not_repair_is_not_restarted) {
    driven d;
    d << start << refused;
    EXPECT_EQ(d.m.state(), service_state::broken);
    EXPECT_FALSE(d.m.alive());
    EXPECT_EQ(d.m.reason, "why");
    EXPECT_EQ(d.until_wake(), milliseconds{10'000});
    d.pass(milliseconds{10'000});
    EXPECT_EQ(d.last, action_kind::launch);
    d << refused << stop;
    EXPECT_EQ(d.m.state(), service_state::stopped);
    EXPECT_FALSE(d.m.wake());
}

TEST(service_fsm, a_foreign_listener_kills_and_does_not_restart) {
    for (const bool was_ready : {false, true}) {
        driven d;
        if (was_ready) {
            d.to_ready();
        } else {
            d << start << spawned << socket_owned;
        }
        d << fault;
        EXPECT_EQ(d.m.state(), service_state::stopping);
        EXPECT_NE(d.log.find("signal9"), std::string::npos);
        d << exited << gone;
        EXPECT_EQ(d.m.state(), service_state::broken);
        EXPECT_EQ(d.m.reason, "why");
        EXPECT_EQ(d.m.advice, "advice");
    }
}

TEST(service_fsm, a_fatal_line_counts_only_before_the_first_test) {
    driven loading;
    loading << start << spawned << fatal_line;
    EXPECT_EQ(loading.m.state(), service_state::stopping);
    driven testing;
    testing << start << spawned << socket_owned << probe_answered << fatal_line;
    EXPECT_EQ(testing.m.state(), service_state::starting) << "it may be an echo";
    testing << self_test_passed << fatal_line;
    EXPECT_EQ(testing.m.state(), service_state::ready);
}

TEST(service_fsm, an_exit_ends_ready_at_once_but_the_next_process_waits_for_the_group) {
    driven d;
    d.to_ready() << exited;
    EXPECT_EQ(d.m.state(), service_state::stopping);
    EXPECT_TRUE(d.m.alive());
    EXPECT_EQ(d.acted, 0U);
    d << gone;
    EXPECT_EQ(d.m.state(), service_state::starting);
    EXPECT_EQ(d.last, action_kind::launch);
}

TEST(service_fsm, the_polite_stop_rests_then_climbs_the_ladder_and_repeats_its_end) {
    driven d;
    d.to_ready() << stop;
    EXPECT_EQ(d.last, action_kind::quiesce);
    d.log.clear();
    d << quiesced;
    d.pass(milliseconds{3000}).pass(milliseconds{5000}).pass(milliseconds{5000});
    EXPECT_EQ(d.log, "signal2 signal9 signal9 signal9 ");
    EXPECT_NE(d.m.reason.text().find("stuck"), std::string::npos) << d.m.reason;
    d << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::stopped);
    EXPECT_FALSE(d.m.wake());
}

TEST(service_fsm, a_hook_that_never_rests_does_not_hold_up_the_stop) {
    driven d;
    d.to_ready() << stop;
    d.log.clear();
    d.pass(milliseconds{4000});
    EXPECT_EQ(d.log, "signal2 ");
    d << quiesced;
    EXPECT_EQ(d.acted, 0U) << "late";
}

TEST(service_fsm, a_kill_shortens_a_polite_stop) {
    driven d;
    d.to_ready() << stop << kill;
    EXPECT_NE(d.log.find("signal9"), std::string::npos);
    d << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::stopped);
}

TEST(service_fsm, start_during_a_stop_starts_again_afterwards_and_stop_wins_if_last) {
    driven d;
    d.to_ready() << stop << start << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::starting);
    d << spawned << stop << start << stop << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::stopped);
}

TEST(service_fsm, held_is_killed_waits_without_a_timer_and_is_no_failure_of_its_own) {
    driven d;
    d.to_ready() << hold;
    EXPECT_EQ(d.m.state(), service_state::stopping);
    EXPECT_NE(d.log.find("signal9"), std::string::npos) << "not by the slow ladder";
    d << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::waiting);
    EXPECT_FALSE(d.m.wake());
    EXPECT_EQ(d.m.policy.ceiling(), milliseconds{0});
    d << release;
    EXPECT_EQ(d.m.state(), service_state::starting);
}

TEST(service_fsm, a_crash_just_before_the_hold_waits_too) {
    driven d;
    d.to_ready() << exited << hold << gone;
    EXPECT_EQ(d.m.state(), service_state::waiting);
    d << release;
    EXPECT_EQ(d.m.state(), service_state::starting);
}

TEST(service_fsm, failures_beside_a_hold_open_the_breaker_as_any_others) {
    driven d;
    for (unsigned restart = 0; restart < rule().intensity; ++restart) {
        d.to_ready() << exited << hold << gone << release;
        ASSERT_EQ(d.m.state(), service_state::starting) << restart;
    }
    d << spawned << hold << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::waiting) << "ended by the hold: no failure";
    d << release << spawned;
    d.now += seconds{6};
    d << exited << hold << gone;
    EXPECT_TRUE(d.m.breaker_is_open());
    d << release;
    EXPECT_TRUE(d.m.breaker_is_open()) << "not started because the service before it is ready";
    d << hold;
    d.pass(d.p.breaker_retry);
    EXPECT_EQ(d.m.state(), service_state::waiting) << "its trial waits for the service before it";
    d << release << spawned << exited << gone;
    EXPECT_TRUE(d.m.breaker_is_open()) << "it was the trial";
}

TEST(service_fsm, a_start_while_held_waits) {
    driven d;
    d << hold << start;
    EXPECT_EQ(d.m.state(), service_state::waiting);
    EXPECT_EQ(d.acted, 0U);
}

TEST(service_fsm, let_go_keeps_it_running_but_does_not_bring_it_back) {
    driven d;
    d.to_ready() << let_go;
    EXPECT_EQ(d.m.state(), service_state::ready);
    d << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::stopped);
}

TEST(service_fsm, a_process_that_nobody_wants_any_more_is_killed) {
    driven d;
    d << start << stop << spawned;
    EXPECT_EQ(d.m.state(), service_state::stopping);
    d << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::stopped);
}

TEST(service_fsm, an_adopted_process_is_ready_at_once_and_watched_and_not_started_again) {
    driven d;
    d << adopted;
    EXPECT_EQ(d.m.state(), service_state::ready);
    EXPECT_TRUE(d.m.wanted);
    EXPECT_TRUE(d.m.alive());
    EXPECT_FALSE(d.m.wake());
    EXPECT_EQ(d.last, action_kind::guard);
    d << start;
    EXPECT_EQ(d.acted, 0U) << "it runs already";
}

TEST(service_fsm, an_adopted_process_that_ended_is_started_again_at_once) {
    driven d;
    d << adopted << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::starting);
    EXPECT_EQ(d.last, action_kind::launch);
}

TEST(service_fsm, an_adopted_process_is_stopped_by_its_ladder) {
    driven d;
    d << adopted << stop;
    EXPECT_EQ(d.m.state(), service_state::stopping);
    EXPECT_EQ(d.last, action_kind::quiesce);
    d << quiesced << exited << gone;
    EXPECT_EQ(d.m.state(), service_state::stopped);
}

TEST(service_fsm, only_a_service_without_a_process_can_adopt_one) {
    const std::vector<std::vector<event_kind>> ways{
        {start},
        {start, spawned},
        {start, spawned, socket_owned, probe_answered, self_test_passed},
        {start, refused}};
    for (const auto& way : ways) {
        driven d;
        for (const event_kind each : way) {
            d << each;
        }
        const service_state before = d.m.state();
        d << adopted;
        EXPECT_EQ(d.m.state(), before);
        EXPECT_EQ(d.acted, 0U);
    }
}

TEST(service_fsm, the_cause_of_an_exit_stands_with_its_advice_before_the_end_is_seen) {
    driven d;
    d.to_ready().tell(
        {exited, core::reason::unlisted("ended by itself: killed by SIGSEGV"), "look at the tokenizer"});
    EXPECT_EQ(d.m.reason, "ended by itself: killed by SIGSEGV");
    EXPECT_EQ(d.m.advice, "look at the tokenizer");
}

TEST(service_fsm, an_end_that_was_under_way_before_the_kill_is_named) {
    driven d;
    d.to_ready().tell({kill, core::reason::unlisted("no longer listens on its port"), ""});
    d.tell(
        {gone, core::reason::unlisted("ended by itself: killed by SIGSEGV"), "look at the tokenizer", true});
    EXPECT_NE(d.m.reason.text().find("no longer listens on its port, ended by itself: killed by SIGSEGV"),
              std::string::npos)
        << d.m.reason;
    driven ours;
    ours.to_ready()
        .tell({kill, core::reason::unlisted("it hung"), ""})
        .tell({gone, core::reason::unlisted("ended by itself: killed by SIGKILL"), "", false});
    EXPECT_EQ(ours.m.reason.text().find("SIGKILL"), std::string::npos) << ours.m.reason;
}

TEST(service_fsm, a_line_and_the_exit_behind_it_are_told_once) {
    const auto cause = core::reason::unlisted("The memory is full.")
                           .led_to_by(core::say("service.said-before/line", "out of memory"));
    const auto exit =
        core::say("service.ended").led_to_by(core::reason::unlisted("exit status 1").led_to_by(cause));
    driven d;
    d << start << spawned;
    d.tell({fatal_line, cause, ""}).tell({gone, exit, "use a smaller one", true});
    EXPECT_NE(d.m.reason.text().find(exit.text()), std::string::npos) << d.m.reason;
    EXPECT_EQ(d.m.reason.text().find("The memory"), d.m.reason.text().rfind("The memory")) << d.m.reason;
}

}  // namespace
}  // namespace corral::supervisor
