#pragma once
// One process of a service, from spawn until nothing of its group lives: what its tasks share. The tasks hold
// it, so it outlives the service's interest in it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/async.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/process/child.hpp"
#include "corral/process/exit_reason.hpp"
#include "supervisor/service/exit_policy.hpp"
#include "supervisor/service/output_tap.hpp"

namespace corral::supervisor {

struct process_run {
    process_run(const core::executor& on, process::child started, std::string log_label)
        : child(std::move(started)), pid(child.pid()), label(std::move(log_label)), changed(on) {}

    void signal(const catalog::stop_step& step);

    process::child child;
    const pid_t pid;
    const std::string label;           // "qwen3:4b/runtime", for logs
    std::optional<output_tap> output;  // set before the first byte is read
    core::wake_signal changed;         // rung when `ended` or `dropped` turns true, and when a task ends
    bool was_ready = false;            // it has served
    bool ended = false;                // the leader is dead
    bool lacked_tasks = false;         // the system refused some at its end
    bool dropped = false;              // what still runs for it must end now
    std::size_t pumps = 0;             // readers of its output
    std::size_t hooks = 0;             // other tasks that talk to it
    std::vector<int> signals_sent;     // bounded by the ladder and its repeats
    const std::uint64_t memory_kills = process::memory_kills();  // of the machine, when it began
    bool ending_seen = false;                                    // it was ending before any of them was sent
};

// What is known of memory that ran out since that run began. REQUIRES: its leader is dead.
[[nodiscard]] memory_case memory_case_of(const process_run& run, const process::shared_limits& limits);
// Warns that the limits of a started service are not in force, unless `logged` says so already.
void warn_of_limits(const std::string& label, const process::child& started, std::string& logged);
// Warns, once for all services, where the kernel takes Corral before a runtime when memory is short.
void warn_of_terminal(const std::string& label, const process::child& started);
void warn_of_oom_score(const std::string& label, pid_t pid);

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

// Reads one of its streams to its end, or until it is dropped; `hears` gets the bytes before the tap does.
core::awaitable<void> pump_output(std::shared_ptr<process_run> run, process::output_stream stream,
                                  std::function<void(std::string_view)> hears);

// Once its leader is dead: reads what is left of its output, kills all that it has begotten, and waits for the
// tasks that talk to it, each for a bounded time.
core::awaitable<void> clear_away(std::shared_ptr<process_run> run, const core::clock_source* clock);

}  // namespace corral::supervisor
