#pragma once
// How a child ends.

#include <string>
#include <variant>

#include <sys/types.h>

#include "corral/core/result.hpp"

namespace corral::process {

// How a child ended; exactly one of these is true.
struct exited_with {
    int code = 0;
};
struct killed_by {
    int signal = 0;
    bool core_dumped = false;
};
// The status was reaped elsewhere or can't be read: never guessed.
struct lost_track {
    core::error_code why;
};
using exit_reason = std::variant<exited_with, killed_by, lost_track>;

// "exit status 255", "killed by SIGSEGV (core dumped)".
[[nodiscard]] core::reason describe(const exit_reason& how);

// Whether a process is on its way out, before its exit status can be had: the kernel closes its sockets a
// moment, and with a device's memory to give back seconds, before that.

// True when `pid` is dead, a zombie, or inside its exit. Reads /proc; never waits and never reaps.
[[nodiscard]] bool is_ending(pid_t pid);

}  // namespace corral::process
