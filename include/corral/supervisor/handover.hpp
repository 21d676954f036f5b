#pragma once
// A group's running processes as another image of this very process needs them to go on with them.

#include <cstdint>
#include <string>
#include <vector>

#include "corral/core/time.hpp"
#include "corral/process/child.hpp"

namespace corral::supervisor {

struct service_handover {
    std::string name;
    process::child_handover process;
    std::uint16_t port = 0;    // where it listens, on loopback
    bool followed = false;     // to the port compiled into it, because the guard did not reach it
    bool unreached = false;    // the guard was seen to have no effect on the program
    std::string unguarded;     // why the guard does not work for it; empty: as far as known it does
    std::uint64_t starts = 0;  // processes started so far, this one included
    core::steady_time ready_since;
    std::vector<std::string> lines;  // the last it printed, oldest first
};

// All services of the group, in start order, each of them ready.
struct group_handover {
    std::vector<service_handover> services;
};

}  // namespace corral::supervisor
