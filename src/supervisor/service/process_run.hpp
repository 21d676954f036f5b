#pragma once
// One process of a service, from spawn until nothing of its group lives: what its tasks share. The tasks hold
// it, so it outlives the service's interest in it.

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/process/child.hpp"
#include "corral/telemetry/output_lines.hpp"

namespace corral::supervisor {

struct process_run {
    process_run(const core::executor& on, process::child started, telemetry::line_assembler out,
                telemetry::line_assembler err)
        : child(std::move(started)), pid(child.pid()), lines{std::move(out), std::move(err)}, changed(on) {}

    process::child child;
    const pid_t pid;
    std::array<telemetry::line_assembler, 2> lines;  // by output_stream
    core::wake_signal changed;       // rung when `ended` or `dropped` turns true, and when a task ends
    bool ended = false;              // the leader is dead
    bool dropped = false;            // what still runs for it must end now
    bool tested = false;             // its first test has begun: its output may echo prompts from here on
    std::size_t pumps = 0;           // readers of its output
    std::size_t hooks = 0;           // other tasks that talk to it
    std::optional<double> progress;  // of loading, 0..1
    std::optional<catalog::log_meaning> complaint;  // the last known line of trouble while loading
    std::optional<catalog::log_meaning> remark;  // the last known line while serving; maybe a prompt's words
    std::size_t remarks = 0;
    std::vector<int> signals_sent;  // bounded by the ladder and its repeats
    bool ending_seen = false;       // it was ending before any of them was sent
    std::size_t lines_not_kept = 0;
};

// Counts a task of a run, whichever way it ends.
class run_task {
public:
    run_task(std::shared_ptr<process_run> run, std::size_t process_run::*kind)
        : run_(std::move(run)), kind_(kind) {
        ++((*run_).*kind_);
    }
    run_task(const run_task&) = delete;
    run_task& operator=(const run_task&) = delete;
    ~run_task() {
        --((*run_).*kind_);
        run_->changed.ring();
    }

private:
    std::shared_ptr<process_run> run_;
    std::size_t process_run::*kind_;
};

}  // namespace corral::supervisor
