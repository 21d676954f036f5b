#pragma once
// Performs what one service's machine decides and reports back what came of it. What it finds out is the job of its
// parts: port_watch (who listens), output_tap (what is printed), process_run (one process and its end),
// service_notes (what is left in writing). All on one thread. Its tasks hold it, so it may outlive its owner,
// which then has abandoned it.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/async.hpp"
#include "corral/core/event_queue.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/supervisor/context.hpp"
#include "corral/supervisor/handover.hpp"
#include "corral/supervisor/service_spec.hpp"
#include "corral/supervisor/service_status.hpp"
#include "corral/telemetry/output_lines.hpp"
#include "supervisor/machine/service_fsm.hpp"
#include "supervisor/service/port_watch.hpp"
#include "supervisor/service/process_run.hpp"
#include "supervisor/service/service_notes.hpp"

namespace corral::supervisor {

class service_runner;

class runner_owner {
public:
    virtual ~runner_owner() = default;
    // The status is another than before. May feed events to any runner.
    virtual void on_changed(service_runner& service) = 0;
    // A step of the machine, before on_changed() follows from it. `number` is the owner's to fill in.
    virtual void on_transition(transition_record what) = 0;
    virtual void on_output(const service_runner& service, process::output_stream stream,
                           std::string_view bytes) = 0;
};

class service_runner : public std::enable_shared_from_this<service_runner> {
public:
    // `owner` is borrowed until abandon().
    service_runner(const supervisor_context& context, const std::string& group, service_spec wanted,
                   const catalog::restart_rule& restart, runner_owner* owner);

    // Takes an event and performs what follows from it, before it returns; from within an action it is taken
    // once the step under way is complete.
    void feed(service_event event);
    // The owner goes: kills what lives, starts nothing more, reports nothing. The reaping goes on by itself.
    void abandon();
    // For another image of this process; nothing unless ready.
    [[nodiscard]] std::optional<service_handover> hand_over() const;
    // Goes on with a ready process of an earlier image. Fails, and takes nothing, when it is not ours.
    [[nodiscard]] core::result<void> take_over(const service_handover& from);
    // Looks now whether the port is held by this service alone; if a foreign process has it, the service is
    // killed. False when it can't be shown.
    [[nodiscard]] static core::awaitable<bool> verify_endpoint(std::shared_ptr<service_runner> self);

    [[nodiscard]] const std::string& name() const noexcept { return spec_.name; }
    [[nodiscard]] const service_spec& spec() const noexcept { return spec_; }
    [[nodiscard]] const service_machine& machine() const noexcept { return machine_; }
    [[nodiscard]] service_status status() const;
    [[nodiscard]] const telemetry::line_ring& output() const noexcept { return ring_; }
    // As group::went_well().
    void went_well() noexcept {
        if (run_ != nullptr && run_->output) {
            run_->output->note_good_answer();
        }
    }
    // As group::halted().
    [[nodiscard]] bool halted() const { return run_ != nullptr && !run_->ended && run_->child.halted(); }
    // As group::ended().
    [[nodiscard]] bool ended() const { return run_ == nullptr || run_->ended || run_->child.ended(); }
    // Nothing of it runs or is wanted.
    [[nodiscard]] bool at_rest() const noexcept {
        return machine_.state() == service_state::stopped && run_ == nullptr;
    }

private:
    using self_ptr = std::shared_ptr<service_runner>;
    using run_ptr = std::shared_ptr<process_run>;

    void take(const service_event& event);
    void perform(const service_action& action);
    void publish();
    void keep_time();
    void launch(process::spawn_spec command, port_watch::fault fault);
    void launch_failed(const core::reason& why, bool tasks_refused);
    void adopt(process::child started);
    void begin_service();
    void spawn_task(const char* what, core::awaitable<void> task);
    void take_news(process_run& run, const line_news& news);
    [[nodiscard]] line_context context_of(const process_run& run) const;
    void report_fault(process::program_fault what);
    // Its process runs, and is watched.
    [[nodiscard]] bool is_current(const process_run& run) const {
        return run_.get() == &run && !run.ended && !abandoned_;
    }
    [[nodiscard]] bool in_stage(const process_run& run, load_stage stage) const;
    [[nodiscard]] bool serves(const process_run& run) const;
    [[nodiscard]] core::steady_time now() const { return context_.clock->now(); }
    [[nodiscard]] std::optional<core::seconds> load_left() const;
    [[nodiscard]] std::optional<core::nanoseconds> usual_load() const;
    // How the process ended, or why there never was one.
    [[nodiscard]] exit_story story_of(const process_run& run, const process::exit_reason& reason) const;
    [[nodiscard]] bool is_busy() const { return spec_.busy && spec_.busy(); }

    // Tasks; each holds what it uses. Those that ask the service something: service_watch.cpp,
    // service_hooks.cpp and service_liveness.cpp.
    static core::awaitable<void> run_timer(self_ptr self);
    static core::awaitable<void> watch_for_repairing(self_ptr self);
    [[nodiscard]] bool is_watched() const;
    static core::awaitable<void> await_end(self_ptr self, run_ptr run);
    // Open, or that the system makes no processes: a matter of moments, and of the box, not of the model.
    [[nodiscard]] gate_verdict box_verdict() const;
    static core::awaitable<void> ask_gate(self_ptr self, std::uint64_t question);
    // Who listens at the port: what a glance tells, else a search.
    static core::awaitable<listener_judgement> look(self_ptr self, run_ptr run);
    struct wide_view {
        listener_judgement found;
        std::vector<process::listening_socket> open;  // beyond loopback
    };
    // `work`, which looks through all processes, beside the loop. Nothing: it could not be done in time.
    template <typename Found>
    static core::awaitable<std::optional<Found>> search(self_ptr self, std::function<Found()> work);
    static core::awaitable<std::optional<wide_view>> search(self_ptr self, run_ptr run);
    // Looks at its files, whose disk may not answer, and at its port; then it is launched.
    static core::awaitable<void> prepare_launch(self_ptr self, std::uint64_t launch);
    // The machine still waits for that launch.
    [[nodiscard]] static core::awaitable<bool> is_awaited(self_ptr self, std::uint64_t launch);
    // Its process ended while it loaded because another service of ours has the port.
    static core::awaitable<bool> lost_its_port(self_ptr self, run_ptr run);
    // A search, and what follows from it. False: a fault was reported, or the process is over.
    static core::awaitable<bool> look_widely(self_ptr self, run_ptr run);
    static core::awaitable<void> watch_socket(self_ptr self, run_ptr run);
    static core::awaitable<void> probe(self_ptr self, run_ptr run);
    static core::awaitable<void> first_test(self_ptr self, run_ptr run);
    static core::awaitable<void> guard_port(self_ptr self, run_ptr run);
    static core::awaitable<void> ask_for_life(self_ptr self, run_ptr run);
    static core::awaitable<core::reason> probe_life(self_ptr self);
    static core::awaitable<void> quiesce(self_ptr self, run_ptr run, core::deadline until);

    supervisor_context context_;
    service_spec spec_;
    std::string label_;  // "qwen3:4b/runtime", for logs
    std::string limits_logged_;
    service_plan plan_;
    service_machine machine_;
    core::event_queue<service_event> events_;
    runner_owner* owner_;
    bool abandoned_ = false;
    bool timing_ = false;
    bool watching_ = false;
    bool start_failed_ = false;  // the last one that was begun, so far
    core::wake_signal bell_;     // rung when the machine's wake moved
    run_ptr run_;
    bool trouble_unlogged_ = false;  // the last step was one, and is not in the log yet
    std::uint64_t starts_ = 0;
    std::uint64_t gate_questions_ = 0;   // only the answer to the last one counts
    std::uint64_t launches_ = 0;         // and so here
    core::lateness late_;                // of the timer
    core::nanoseconds late_counted_{0};  // what of it the machine knows
    core::reason problem_;               // the last thing in the way of readiness
    port_watch port_;
    service_notes notes_;
    telemetry::line_ring ring_;
    service_status published_;
};

}  // namespace corral::supervisor
