#pragma once
// Whether a port is held by the service it belongs to, and by no other: with SO_REUSEPORT one foreign twin
// is enough to get every second prompt (docs/facts/vendor_ax.md#failures, F17).

#include <functional>
#include <string>
#include <vector>

#include "corral/core/reason.hpp"
#include "corral/process/listener_owner.hpp"

namespace corral::supervisor {

enum class listener_finding {
    none,     // no listener
    ours,     // every listener is ours
    foreign,  // at least one is known not to be ours
    exposed,  // ours, but reachable from the network where the profile forbids that; never from
              // judge_listeners()
    unknown   // at least one whose owner can't be found: another user's, or just going
};

struct listener_judgement {
    listener_finding what = listener_finding::none;
    core::reason who;              // of foreign and unknown: "python3 (pid 4711)"
    bool every_interface = false;  // one of ours listens on 0.0.0.0 or ::
    bool sibling = false;          // all that are foreign are of other services of this daemon
};

// Listeners that no call of ours can reach are left out: at an address of the network, and elsewhere on loopback.
[[nodiscard]] listener_judgement judge_listeners(const std::vector<process::listening_socket>& rows,
                                                 const std::function<bool(pid_t)>& is_ours);

}  // namespace corral::supervisor
