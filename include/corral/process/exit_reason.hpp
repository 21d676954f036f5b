#pragma once
// How a child ends.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

// What the kernel's killer has done for want of memory, as far as anybody may know it.

// Processes that the kernel has killed for want of memory since the machine was started, of the machine's or of a
// control group's; 0: it does not tell.
[[nodiscard]] std::uint64_t memory_kills();
// The same by the text of /proc/vmstat.
[[nodiscard]] std::uint64_t memory_kills_in(std::string_view vmstat);

// How readily the kernel's killer takes that process, -1000 (never) to 1000, its oom_score_adj
// (https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html); nothing: it is gone, or can't be read.
[[nodiscard]] std::optional<int> oom_score(pid_t pid);
// What each child gets, where its score can be raised: as much as 30 % of the memory more.
constexpr int oom_score_of_children = 300;

}  // namespace corral::process
