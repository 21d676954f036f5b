#pragma once
// fork and exec, done so that nothing of the daemon reaches the child and every failure is told
// (docs/facts/platform_traps.md#failed-exec, #inherited-sockets, #inherited-signals).

#include <string>
#include <vector>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "process/children/child_stdio.hpp"

namespace corral::process {

struct launch_spec {
    std::string path;  // given to execve as it is, never looked up and never given to a shell
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // "name=value"
    std::string working_directory;         // empty: ours
    resource_limits limits;
    int cgroup = -1;  // the open folder of its control group; -1: it stays in ours
};

struct launched {
    pid_t pid = 0;
    core::owned_fd pidfd;
    // Still to say whether the program could be executed, which may take for ever: its disk does not answer.
    core::owned_fd report;
};

// Blocks for fork and exec only, and not long. After a failure no child is left, not even as a zombie.
[[nodiscard]] core::result<launched> launch(const launch_spec& what, const child_stdio& stdio);

// For a child that was just launched and can't be looked after. REQUIRES: not reaped yet.
void kill_and_reap(pid_t pid);

}  // namespace corral::process
