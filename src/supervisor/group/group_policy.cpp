#include "supervisor/group/group_core.hpp"

#include "corral/core/say.hpp"

namespace corral::supervisor {

namespace {

// Not before its process does: one that can't be launched would be tried again without those that it needs.
bool runs(const service_view& service) {
    return service.alive &&
           (service.state == service_state::starting || service.state == service_state::ready);
}

// The first service before `index` that keeps it from running; `index` itself when none does.
std::size_t held_by(const std::vector<service_view>& services, std::size_t index) {
    for (std::size_t before = 0; before < index; ++before) {
        const bool survives = services[before].dependents_survive && runs(services[index]);
        if (services[before].state != service_state::ready && !survives) {
            return before;
        }
    }
    return index;
}

std::vector<group_order> orders_while_wanted(const std::vector<service_view>& services) {
    std::vector<group_order> orders;
    for (std::size_t index = services.size(); index-- > 0;) {
        const std::size_t holder = held_by(services, index);
        if (holder != index && !services[index].held) {
            orders.push_back(
                {index, {event_kind::hold, core::say("service.waits-for", services[holder].name), {}}});
        }
    }
    for (std::size_t index = 0; index < services.size(); ++index) {
        if (services[index].held && held_by(services, index) == index) {
            orders.push_back({index, {event_kind::release, {}, {}}});
        }
    }
    return orders;
}

std::vector<group_order> orders_while_stopping(const std::vector<service_view>& services) {
    std::vector<group_order> orders;
    bool last_one_found = false;
    for (std::size_t index = services.size(); index-- > 0;) {
        const service_view& service = services[index];
        if (service.state == service_state::stopped && !service.wanted) {
            continue;
        }
        if (!last_one_found) {
            last_one_found = true;
            if (service.state != service_state::stopping || service.wanted) {
                orders.push_back({index, {event_kind::stop, {}, {}}});
            }
        } else if (service.wanted) {
            orders.push_back({index, {event_kind::let_go, {}, {}}});
        }
    }
    return orders;
}

}  // namespace

std::vector<group_order> next_orders(const std::vector<service_view>& services, bool wanted) {
    return wanted ? orders_while_wanted(services) : orders_while_stopping(services);
}

}  // namespace corral::supervisor
