// The daemon as one of many behind a load balancer.

#include <utility>

#include "agent_port.hpp"
#include "corral/api/member_state.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

core::result<void> daemon::open_agent() {
    drained_ = inherited_.before && inherited_.before->drained;
    if (!settings_.agent) {
        return {};
    }
    agent_ = std::make_unique<agent_port>(service_tasks_, [this](std::string_view asked) {
        const api::box_condition box{fleet_.admission().refuses_new(), !closed_for_clients().empty(),
                                     drained_};
        return api::agent_line(box, fleet_.models(), fleet_.admission(), asked);
    });
    return agent_->listen(*settings_.agent);
}

void daemon::set_drained(bool is) {
    if (std::exchange(drained_, is) != is) {
        telemetry::log().info(
            is ? "drained by its operator: balancers are told to send nothing more event=drained"
               : "undrained by its operator: balancers may send again event=undrained");
    }
}

}  // namespace corral::daemon
