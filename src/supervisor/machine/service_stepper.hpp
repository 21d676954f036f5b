#pragma once
// One event at work on one service machine; the body of service_fsm's step(). What others want of the service
// is in service_fsm.cpp, its gate and its process in service_fsm_start.cpp and service_fsm_stop.cpp.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/say.hpp"
#include "supervisor/machine/service_fsm.hpp"

namespace corral::supervisor {

// The signals that end a service, step by step, by the phase it is in. Decides only.
enum class stop_phase {
    loading,  // the profile's `stop_loading`: Axera ignores SIGINT then (docs/facts/vendor_ax.md#signals)
    ready,    // the profile's `stop_ready`
    dead      // beyond talking to: SIGKILL at once
};

// Never empty: its last step is SIGKILL to the whole group, with at least a second of grace, which is
// repeated until the process has gone.
[[nodiscard]] std::vector<catalog::stop_step> stop_ladder(const catalog::service_template& rules,
                                                          stop_phase phase);

// Every change of state goes through enter().
class stepper {
public:
    stepper(service_machine from, const service_event& event, const service_plan& plan,
            const step_input& input)
        : m_(std::move(from)), event_(event), plan_(plan), in_(input) {}

    transition run() {
        dispatch();
        return {std::move(m_), action_};
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
    void turn_away(service_state to, core::steady_time again_at, core::reason cause, core::reason reason,
                   std::string advice);
    void on_spawned();
    void on_start_refused();
    void on_stage_event();
    void on_life_probe();
    void on_exited();
    void on_gone();
    void on_repaired();
    void on_adopted();
    void on_timer();
    void on_start_timer(phase::loading& load);
    void on_stop_timer(phase::stopping& stop);
    void on_quiesced();

    // Pointers into the present state; void after enter().
    template <typename State>
    [[nodiscard]] State* in() {
        return std::get_if<State>(&m_.now);
    }
    [[nodiscard]] phase::loading* loading();
    [[nodiscard]] bool launching();
    [[nodiscard]] bool in_stage(load_stage stage) const { return m_.in_stage(stage); }
    // Its process is not on its way to its end.
    [[nodiscard]] bool running() { return loading() != nullptr || in<phase::ready>() != nullptr; }

    void enter(phase::any next, core::reason reason, std::string advice = {});
    // `cause` is the failure that led to the start; empty: none did.
    void launch(core::reason cause);
    void launch_now(core::reason reason);
    void launch_unless_held(core::reason reason_held, core::reason cause);
    // What starting says.
    [[nodiscard]] static core::reason start_after(const core::reason& cause) {
        return cause.empty() ? core::say("service.at/loading")
                             : core::say("service.loading-again").led_to_by(cause);
    }
    [[nodiscard]] phase::gate_question ask_gate(core::reason cause);
    void forget_question();
    void try_again();
    void begin_stage(phase::loading& load, load_stage stage, action_kind action);
    void become_ready();
    void note_progress(phase::loading& load) const;
    void note_lateness();
    [[nodiscard]] bool wants_canary() const;
    void arm_start_timer(phase::loading& load);
    [[nodiscard]] core::reason overdue(load_stage stage, bool too_long);
    void begin_stop(stop_phase how, after_stop after, core::reason reason, std::string advice = {});
    [[nodiscard]] phase::signalled send(std::vector<catalog::stop_step> ladder, std::size_t rung);
    [[nodiscard]] core::milliseconds served();
    [[nodiscard]] failure_sort sort_of_failure();
    void fail(core::milliseconds served, failure_sort sort, core::reason reason, std::string advice);
    [[nodiscard]] core::steady_time look_again_at() const;
    // Made when they are first needed: what they start from is in the plan.
    [[nodiscard]] load_clocks& clocks() {
        if (!m_.clocks) {
            m_.clocks.emplace(plan_.rules);
        }
        return *m_.clocks;
    }
    void act(action_kind what) { action_ = {what, {}, {}}; }

    service_machine m_;
    const service_event& event_;
    const service_plan& plan_;
    const step_input& in_;
    std::optional<service_action> action_;
};

}  // namespace corral::supervisor
