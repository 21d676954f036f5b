#pragma once
// What the processes of a service hold of the things that run out, and how much they can hold.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <sys/types.h>

#include "corral/core/time.hpp"

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

// How much processor time the processes of a service have used, with all that they started: a supervised
// runtime may be a shell around a server around one worker for each card.
struct cpu_time {
    core::nanoseconds used{0};
    // Ready to run and waiting for a processor, by all threads: what they would have used beside that on a
    // box with nothing else to do. 0 where the kernel does not tell.
    core::nanoseconds waited{0};
    std::uint64_t resident = 0;  // bytes of memory at this moment; what they share counts for each
};

struct process_row;

class cpu_meter {
public:
    // Of `roots`, their descendants and the members of their process groups from the first call on; what a
    // process used between the last call and its end is lost. Only grows. Reads /proc, every few seconds all of it, some
    // ms for a box with hundreds of processes: not on the loop. One that can't be read counts as ended.
    [[nodiscard]] cpu_time look(const std::vector<pid_t>& roots);

private:
    [[nodiscard]] std::optional<std::vector<process_row>> descent(const std::vector<pid_t>& roots) const;

    struct known {
        std::uint64_t start_time = 0;  // with the pid what it is
        std::uint64_t ticks = 0;       // so far
        std::uint64_t waited = 0;      // ns, of the threads that live
        std::uint64_t seen = 0;        // in which call it was last there
    };
    std::map<pid_t, known> processes_;
    core::steady_time scan_again_{};
    std::uint64_t calls_ = 0;
    std::uint64_t total_ = 0;   // ticks
    std::uint64_t waited_ = 0;  // ns
};

// Processors that this process may run on; at least 1.
[[nodiscard]] unsigned usable_processors();

}  // namespace corral::process
