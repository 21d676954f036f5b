// The gate before a start, in the machine.

#include "supervisor/machine/service_fsm.hpp"

#include <csignal>

#include <vector>

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using core::milliseconds;
using core::seconds;
using enum event_kind;

class gated {
public:
    gated() {
        p.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{2000}}};
        p.rules.stop_ready = p.rules.stop_loading;
        p.has_gate = true;
    }
    gated& operator<<(event_kind what) {
        return tell({what, core::reason::unlisted(to_string(what) + std::string(" told")), "advice"});
    }
    gated& tell(const service_event& event) {
        transition moved = step(m, event, p, {now, 0.5});
        m = std::move(moved.next);
        done.clear();
        if (moved.action) {
            done.push_back(moved.action->what);
        }
        return *this;
    }
    gated& pass(milliseconds by) {
        now += by;
        return tell({timer, {}, {}});
    }
    gated& to_ready() { return *this << start << gate_opened << spawned << socket_owned << probe_answered; }
    [[nodiscard]] bool asked() const { return done == std::vector{action_kind::ask_gate}; }
    [[nodiscard]] bool launched() const { return done == std::vector{action_kind::launch}; }
    [[nodiscard]] milliseconds until_wake() const {
        return m.wake() ? std::chrono::duration_cast<milliseconds>(*m.wake() - now) : milliseconds{-1};
    }

    service_plan p;
    service_machine m{[] {
        catalog::restart_rule r;
        r.first_backoff = milliseconds{1000};
        r.intensity = 2;
        return r;
    }()};
    core::steady_time now{seconds{1000}};
    std::vector<action_kind> done;
};

TEST(service_fsm_gate, nothing_is_launched_before_the_gate_is_open) {
    gated g;
    g << start;
    EXPECT_TRUE(g.asked());
    EXPECT_EQ(g.m.state(), service_state::starting);
    EXPECT_EQ(g.m.reason, "loading");
    for (const event_kind other : {spawned, socket_owned, probe_answered, refused, launch_failed, progress}) {
        gated h = g;
        h << other;
        EXPECT_FALSE(h.launched()) << to_string(other);
        EXPECT_NE(h.m.state(), service_state::ready) << to_string(other);
    }
    g << gate_opened;
    EXPECT_TRUE(g.launched());
    EXPECT_EQ(g.m.reason, "loading") << "a first start needs no story";
    g << gate_opened;
    EXPECT_TRUE(g.done.empty()) << "one answer, one launch";
    g << spawned << socket_owned << probe_answered;
    EXPECT_EQ(g.m.state(), service_state::ready);
}

TEST(service_fsm_gate, memory_on_its_way_is_waited_for_without_a_failure) {
    gated g;
    g << start << gate_waits;
    EXPECT_EQ(g.m.state(), service_state::waiting);
    EXPECT_EQ(g.m.reason, "gate_waits told");
    EXPECT_EQ(g.until_wake(), g.p.gate_interval);
    const auto since = g.m.since;
    for (int i = 0; i < 100; ++i) {
        g.pass(g.p.gate_interval);
        ASSERT_TRUE(g.asked());
        ASSERT_EQ(g.m.state(), service_state::waiting) << "asking changes nothing that a person sees";
        g << gate_waits;
        ASSERT_TRUE(g.done.empty());
    }
    EXPECT_EQ(g.m.since, since) << "it waits since the first time";
    EXPECT_EQ(g.m.policy.ceiling(), milliseconds{0}) << "no failure";
    g.pass(g.p.gate_interval);
    g << gate_opened;
    EXPECT_TRUE(g.launched());
    EXPECT_EQ(g.m.reason, "loading");
}

TEST(service_fsm_gate, a_lost_device_breaks_it_and_is_looked_at_again_for_ever) {
    gated g;
    g << start << gate_shut;
    EXPECT_EQ(g.m.state(), service_state::broken);
    EXPECT_EQ(g.m.advice, "advice");
    EXPECT_EQ(g.until_wake(), g.p.look_again);
    for (int i = 0; i < 1000; ++i) {
        g.pass(g.p.look_again);
        ASSERT_TRUE(g.asked());
        ASSERT_EQ(g.m.state(), service_state::broken);
        g << gate_shut;
        ASSERT_EQ(g.m.state(), service_state::broken);
        ASSERT_FALSE(g.m.breaker_is_open());
    }
    g.pass(g.p.look_again);
    g << gate_opened << spawned << socket_owned << probe_answered;
    EXPECT_EQ(g.m.state(), service_state::ready) << "started as soon as it is back";
}

TEST(service_fsm_gate, the_cause_of_the_last_end_stays_in_the_reason) {
    gated g;
    g.to_ready();
    g.tell({kill, core::reason::unlisted("it hung"), {}});
    g << exited << gone;
    EXPECT_TRUE(g.asked());
    EXPECT_EQ(g.m.state(), service_state::starting);
    EXPECT_EQ(g.m.reason, "loading again after this: it hung");
    g.tell({gate_waits, core::reason::unlisted("waiting for memory"), {}});
    EXPECT_EQ(g.m.reason, "waiting for memory, then loading again after this: it hung");
    g.pass(g.p.gate_interval);
    g.tell({gate_shut, core::reason::unlisted("no memory"), {}});
    EXPECT_EQ(g.m.reason, "no memory, then loading again after this: it hung");
    g.pass(g.p.look_again);
    g.tell({gate_opened, core::reason::unlisted("37 C"), {}});
    EXPECT_TRUE(g.launched());
    EXPECT_EQ(g.m.reason, "loading again after this: it hung, the device: 37 C");
}

TEST(service_fsm_gate, the_cause_outlives_the_wait_for_a_service_before_it) {
    gated g;
    g.to_ready();
    g.tell({kill, core::reason::unlisted("it hung"), {}});
    g.tell({hold, core::reason::unlisted("waits for the service tokenizer"), {}});
    g << exited << gone;
    EXPECT_EQ(g.m.state(), service_state::waiting);
    g << release;
    g.tell({gate_shut, core::reason::unlisted("the device is lost"), {}});
    EXPECT_EQ(g.m.reason, "the device is lost, then loading again after this: it hung");
}

TEST(service_fsm_gate, a_backoff_is_waited_out_before_the_gate_is_asked) {
    gated g;
    g.to_ready() << exited << gone << gate_opened << spawned << exited << gone;
    EXPECT_EQ(g.m.state(), service_state::waiting);
    const milliseconds pause = g.until_wake();
    EXPECT_GT(pause, milliseconds{0});
    EXPECT_TRUE(g.done.empty());
    g.pass(pause);
    EXPECT_TRUE(g.asked());
    g << gate_opened;
    EXPECT_TRUE(g.launched());
    EXPECT_NE(g.m.reason.text().find("loading again after this: gone told"), std::string::npos) << g.m.reason;
}

TEST(service_fsm_gate, the_one_trial_of_an_open_breaker_is_kept_while_the_gate_is_shut) {
    gated g;
    g << start << gate_opened << spawned << exited << gone;
    while (!g.m.breaker_is_open()) {
        if (g.m.state() == service_state::waiting) {
            g.pass(g.until_wake());
        }
        g << gate_opened << spawned << exited << gone;
    }
    g.pass(g.p.breaker_retry);
    ASSERT_TRUE(g.asked());
    g << gate_shut;
    g.pass(g.p.look_again);
    g << gate_opened;
    EXPECT_TRUE(g.launched());
    g << spawned << exited << gone;
    EXPECT_TRUE(g.m.breaker_is_open()) << "one trial and no more";
}

TEST(service_fsm_gate, an_answer_that_never_comes_counts_as_shut) {
    gated g;
    g << start;
    g.pass(g.p.gate_limit);
    EXPECT_EQ(g.m.state(), service_state::broken);
    g << gate_opened;
    EXPECT_FALSE(g.launched()) << "too late";
    g.pass(g.p.look_again);
    EXPECT_TRUE(g.asked());
}

TEST(service_fsm_gate, stop_hold_and_kill_at_the_gate_start_nothing_later) {
    for (const event_kind where : {start, gate_waits, gate_shut}) {
        const auto at_gate = [where] {
            gated g;
            g << start;
            if (where != start) {
                g << where;
                g.pass(g.until_wake());
            }
            EXPECT_TRUE(g.asked());
            return g;
        };
        gated stopped = at_gate();
        stopped << stop;
        EXPECT_EQ(stopped.m.state(), service_state::stopped);
        stopped << gate_opened;
        EXPECT_TRUE(stopped.done.empty());
        EXPECT_EQ(stopped.m.state(), service_state::stopped);

        gated killed = at_gate();
        killed << kill;
        EXPECT_TRUE(killed.done.empty()) << "nothing to kill";
        killed << gate_opened;
        EXPECT_TRUE(killed.launched());
    }
    gated broken;
    broken << start << gate_shut;
    broken.pass(broken.p.look_again);
    broken << hold << gate_opened;
    EXPECT_TRUE(broken.done.empty()) << "held while the gate was asked";
    broken.pass(broken.p.look_again);
    EXPECT_EQ(broken.m.state(), service_state::waiting);
    EXPECT_TRUE(broken.done.empty());

    gated let;
    let << start << let_go << gate_opened;
    EXPECT_EQ(let.m.state(), service_state::stopped);
    EXPECT_TRUE(let.done.empty());
    gated held;
    held << start << hold;
    EXPECT_EQ(held.m.state(), service_state::waiting);
    held << gate_opened;
    EXPECT_TRUE(held.done.empty());
    held << release;
    EXPECT_TRUE(held.asked()) << "asked anew: the old answer is old";
}

TEST(service_fsm_gate, a_person_s_start_asks_at_once) {
    gated g;
    g << start << gate_shut << start;
    EXPECT_TRUE(g.asked());
    EXPECT_EQ(g.m.state(), service_state::starting);
}

TEST(service_fsm_gate, what_it_says_unasked_means_nothing) {
    for (const event_kind answer : {gate_opened, gate_waits, gate_shut}) {
        gated g;
        g.to_ready() << answer;
        EXPECT_EQ(g.m.state(), service_state::ready);
        gated s;
        s << answer;
        EXPECT_EQ(s.m.state(), service_state::stopped);
    }
}

}  // namespace
}  // namespace corral::supervisor
