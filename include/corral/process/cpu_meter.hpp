#pragma once
// How much processor time the processes of a service have used, with all that they started: a supervised
// runtime may be a shell around a server around one worker for each card.

#include <cstdint>
#include <map>
#include <vector>

#include <sys/types.h>

#include "corral/core/time.hpp"

namespace corral::process {

struct cpu_time {
    core::nanoseconds used{0};
    // Ready to run and waiting for a processor, by all threads: what they would have used beside that on a
    // box with nothing else to do. 0 where the kernel does not tell.
    core::nanoseconds waited{0};
    std::uint64_t resident = 0;  // bytes of memory at this moment; what they share counts for each
};

class cpu_meter {
public:
    // Of `roots`, their descendants and the members of their process groups from the first call on; what a
    // process used between the last call and its end is lost. Only grows. Reads /proc, some ms for a box with
    // hundreds of processes: not on the loop. One that can't be read counts as ended.
    [[nodiscard]] cpu_time look(const std::vector<pid_t>& roots);

private:
    struct known {
        std::uint64_t start_time = 0;  // with the pid what it is
        std::uint64_t ticks = 0;       // so far
        std::uint64_t waited = 0;      // ns, of the threads that live
        std::uint64_t seen = 0;        // in which call it was last there
    };
    std::map<pid_t, known> processes_;
    std::uint64_t calls_ = 0;
    std::uint64_t total_ = 0;   // ticks
    std::uint64_t waited_ = 0;  // ns
};

// Processors that this process may run on; at least 1.
[[nodiscard]] unsigned usable_processors();

}  // namespace corral::process
