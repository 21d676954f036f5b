#pragma once
// The descriptors between us and a child, before the child exists.

#include <string>

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

}  // namespace corral::process
