#pragma once
// What the kernel's killer has done for want of memory, as far as anybody may know it.

#include <cstdint>
#include <optional>
#include <string_view>

#include <sys/types.h>

namespace corral::process {

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
