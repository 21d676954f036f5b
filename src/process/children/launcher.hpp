#pragma once
// The descriptors between us and a child, before the child exists.

#include <optional>
#include <string>
#include <vector>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "corral/process/child.hpp"

namespace corral::process {

// Ours are non-blocking. All are close-on-exec and above 2, so that dup2 onto 0, 1, 2 always makes a fresh
// descriptor.
struct child_stdio {
    core::owned_fd child_in;
    core::owned_fd child_out;
    core::owned_fd child_err;
    core::owned_fd our_out;
    core::owned_fd our_err;
    std::string no_terminal;  // why our_out is a pipe where a terminal was asked for, as a clause
};

struct pipe_ends {
    core::owned_fd read;
    core::owned_fd write;
};

[[nodiscard]] core::result<pipe_ends> open_pipe();
// pty_or_pipe: a pipe where there are no terminals, as in a small container.
[[nodiscard]] core::result<child_stdio> open_stdio(stdio_kind kind);

// fork and exec, done so that nothing of the daemon reaches the child and every failure is reported
// (docs/facts/platform_traps.md#failed-exec, #inherited-sockets, #inherited-signals).
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
