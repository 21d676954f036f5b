#pragma once
// What must hold outside of a service before a process of it is worth starting: the device is there, its
// memory is free.

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "corral/core/async.hpp"
#include "corral/core/reason.hpp"

namespace corral::supervisor {

enum class gate_state {
    open,
    wait,  // soon; asked again in a second; requests for the service go on waiting
    shut,  // asked again in ten seconds; requests for the service fail
};

struct gate_verdict {
    gate_state state = gate_state::open;
    core::reason reason;  // open: what was found, may be empty; else why not, one sentence
    std::string advice;   // may be empty
};

// One for each service. Called on the loop's thread.
class start_gate {
public:
    virtual ~start_gate() = default;
    // Has its own deadlines, a minute at most in all. May be cancelled. The gate outlives the wait.
    [[nodiscard]] virtual core::awaitable<gate_verdict> ask() = 0;
    // After a start that failed: whether what a start needs (files, device nodes, drivers, and what `reason` names)
    // is other than at the first such question about this failure. May be cancelled.
    [[nodiscard]] virtual core::awaitable<bool> changed(std::string /*reason*/, bool /*first*/) {
        co_return false;
    }
    // What became of it. Must not throw.
    virtual void on_spawned(pid_t pid) = 0;
    virtual void on_ready(pid_t pid) = 0;
    virtual void on_gone(pid_t pid) = 0;
    // What one process takes of the device's memory, in MiB, as its own figures showed; 0: not seen yet.
    [[nodiscard]] virtual std::uint64_t measured_mb() const noexcept { return 0; }
};

}  // namespace corral::supervisor
