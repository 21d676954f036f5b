#pragma once
// The descriptors between us and a child, before the child exists.

#include "corral/core/result.hpp"
#include "corral/process/child.hpp"
#include "process/owned_fd.hpp"

namespace corral::process {

// Ours are non-blocking. All are close-on-exec and above 2, so that dup2 onto 0, 1, 2 always makes a fresh
// descriptor.
struct child_stdio {
    owned_fd child_in;
    owned_fd child_out;
    owned_fd child_err;
    owned_fd our_out;
    owned_fd our_err;
};

struct pipe_ends {
    owned_fd read;
    owned_fd write;
};

[[nodiscard]] core::result<pipe_ends> open_pipe();
[[nodiscard]] core::result<child_stdio> open_stdio(stdio_kind kind);

}  // namespace corral::process
