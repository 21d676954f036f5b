#pragma once
// What the kernel's killer has done for want of memory, as far as anybody may know it.

#include <cstdint>
#include <string_view>

namespace corral::process {

// Processes that the kernel has killed for want of memory since the machine was started, of the machine's or of a
// control group's; 0: it does not tell.
[[nodiscard]] std::uint64_t memory_kills();
// The same by the text of /proc/vmstat.
[[nodiscard]] std::uint64_t memory_kills_in(std::string_view vmstat);

}  // namespace corral::process
