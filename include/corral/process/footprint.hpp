#pragma once
// What the processes of a service hold of the things that run out, and how much they can hold.

#include <array>
#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace corral::process {

enum class resource { memory, descriptors, threads };
inline constexpr std::size_t resources = 3;
[[nodiscard]] const char* to_string(resource which) noexcept;

struct resource_use {
    std::uint64_t held = 0;
    std::uint64_t limit = 0;  // what it could hold as the box is now; 0: no limit is known
};

// By `resource`; nothing: it can't be read.
// - memory, in bytes: what no file gives back (anonymous, shared and swapped out), of the process and its descendants
//   together. Its limit is what the box can still give, or the tightest control group (v2) around them.
// - descriptors: of the process that has the most open.
// - threads: of all together, by the control group, else by the limit of the user.
using footprint = std::array<std::optional<resource_use>, resources>;

// Of `root` and all that belongs to it (process/proc_files.hpp); nothing: it has ended. Reads /proc, some ms for a box with
// hundreds of processes: not on the loop.
[[nodiscard]] std::optional<footprint> footprint_of(pid_t root);

}  // namespace corral::process
