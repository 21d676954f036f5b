#pragma once
// fork and exec, done so that nothing of the daemon reaches the child and every failure is reported
// (docs/facts/platform_traps.md#failed-exec, #inherited-sockets, #inherited-signals).

#include <optional>
#include <string>
#include <vector>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "process/children/child_stdio.hpp"

namespace corral::process {

struct launch_spec {
    std::vector<std::string> paths;  // of the program: the first that can be executed; never given to a shell
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // "name=value"
    std::string working_directory;         // empty: ours
    resource_limits limits;
    int cgroup = -1;  // the open folder of its control group; -1: it stays in ours
};

struct launched {
    pid_t pid = 0;
    core::owned_fd pidfd;
};

// Blocks for the fork only: an exec takes as long as the program's disk, maybe for ever. `report`, a pipe's end for
// writing, is closed once the program runs, or its child has ended; a child that could not become the program has left
// there why.
[[nodiscard]] core::result<launched> launch(const launch_spec& what, const child_stdio& stdio,
                                            core::owned_fd report);

// What is in the pipe by now.
struct start_report {
    bool over = false;                    // the program runs, or never will
    std::optional<core::failure> failed;  // why it never will; nothing too where the child was ended before
};
[[nodiscard]] start_report read_report(int fd, const std::string& program, const std::string& directory);

// For a child that was just launched and can't be looked after; reap_orphans() has the rest of it. REQUIRES: not reaped
// yet.
void give_up_child(pid_t pid);

}  // namespace corral::process
