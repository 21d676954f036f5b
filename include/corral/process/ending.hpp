#pragma once
// Whether a process is on its way out, before its exit status can be had: the kernel closes its sockets a
// moment, and with a device's memory to give back seconds, before that.

#include <sys/types.h>

namespace corral::process {

// True when `pid` is dead, a zombie, or inside its exit. Reads /proc; never waits and never reaps.
[[nodiscard]] bool is_ending(pid_t pid);

}  // namespace corral::process
