#pragma once
// Who of a group may run now. Start order: a service runs only while all before it are ready. Rest for one:
// when one is not ready any more, those after it are killed and wait; unless `dependents_survive`, then those
// with a process stay. Stop order: the last service first. Decides only.

#include <cstddef>
#include <string>
#include <vector>

#include "supervisor/machine/service_fsm.hpp"

namespace corral::supervisor {

struct service_view {
    std::string name;
    service_state state = service_state::stopped;
    bool wanted = false;
    bool held = false;
    bool dependents_survive = false;
    bool alive = false;  // a process of it lives
};

struct group_order {
    std::size_t service = 0;
    service_event event;
};

// The next orders, in the order in which to give them; none when all is as it should be. Obeyed orders are
// not given again, so asking until none is left ends.
[[nodiscard]] std::vector<group_order> next_orders(const std::vector<service_view>& services, bool wanted);

}  // namespace corral::supervisor
