#pragma once
// One event at work on one service machine; the body of service_fsm's step(). What others want of the service
// is in service_fsm.cpp, what its process does in service_fsm_process.cpp.

#include <string>
#include <utility>
#include <vector>

#include "supervisor/service_fsm.hpp"
#include "supervisor/stop_ladder.hpp"

namespace corral::supervisor {

// Every change of `state` goes through enter().
class stepper {
public:
    stepper(service_machine from, const service_event& event, const service_plan& plan,
            const step_input& input)
        : m_(std::move(from)), event_(event), plan_(plan), in_(input) {}

    transition run() {
        dispatch();
        return {std::move(m_), std::move(actions_)};
    }

private:
    void dispatch();
    void on_start();
    void on_stop();
    void on_let_go();
    void on_kill();
    void on_hold();
    void on_release();
    void on_gate_answer();
    void on_gate_timer();
    void on_spawned();
    void on_start_refused();
    void on_stage_event();
    void on_life_probe();
    void on_exited();
    void on_gone();
    void on_adopted();
    void on_timer();
    void try_again();
    void on_start_timer();
    void on_stop_timer();

    [[nodiscard]] bool running() const {
        return m_.alive && (m_.state == service_state::starting || m_.state == service_state::ready);
    }
    [[nodiscard]] bool in_stage(start_stage stage) const {
        return m_.state == service_state::starting && m_.starting == stage;
    }

    void enter(service_state state, std::string reason, std::string advice = {});
    void launch(std::string reason);
    void ask_gate();
    void forget_question();
    void launch_now(std::string reason);
    void turn_away(service_state state, core::milliseconds again, std::string reason, std::string advice);
    void begin_stage(start_stage stage, action_kind action);
    void become_ready();
    void note_progress();
    void note_lateness();
    [[nodiscard]] bool wants_canary() const;
    void arm_start_timer();
    void begin_stop(stop_phase phase, after_stop after, std::string reason, std::string advice = {});
    void send_rung();
    [[nodiscard]] std::string overdue_text(bool too_long);
    // Made when they are first needed: what they start from is in the plan.
    [[nodiscard]] load_clocks& clocks() {
        if (!m_.clocks) {
            m_.clocks.emplace(plan_.rules);
        }
        return *m_.clocks;
    }
    void fail(std::string reason, std::string advice);
    void launch_unless_held(std::string reason_held, std::string reason_launched);
    void act(action_kind what) { actions_.push_back({what, {}, {}}); }

    service_machine m_;
    const service_event& event_;
    const service_plan& plan_;
    const step_input& in_;
    std::vector<service_action> actions_;
};

}  // namespace corral::supervisor
