#include "engine/group_availability.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace corral::engine {

namespace {

bool all_stopped(const std::vector<supervisor::service_status>& services) {
    return std::all_of(services.begin(), services.end(), [](const auto& service) {
        return service.state == supervisor::service_state::stopped;
    });
}

std::string warnings_of(const std::vector<supervisor::service_status>& services) {
    std::string all;
    for (const auto& service : services) {
        if (!service.warning.empty()) {
            all += (all.empty() ? "" : "; ") + service.name + " " + service.warning;
        }
    }
    return all;
}

}  // namespace

availability availability_of(const supervisor::group& of, std::string_view runtime) {
    const std::vector<supervisor::service_status> services = of.status();
    availability out;
    out.warning = warnings_of(services);
    if (of.ready()) {
        out.state = availability_state::ready;
        return out;
    }
    for (const supervisor::service_status& service : services) {
        if (service.state == supervisor::service_state::broken) {
            out.state = availability_state::broken;
            out.reason = supervisor::with_advice(service.reason, service.advice);
            return out;
        }
    }
    if (all_stopped(services)) {
        out.reason = "The model is not loaded.";
        return out;
    }
    out.state = availability_state::loading;
    for (const supervisor::service_status& service : services) {
        if (service.state != supervisor::service_state::ready) {
            out.reason = service.reason.empty() ? "The model is loading." : service.reason;
            out.progress = service.name == runtime ? service.progress : std::nullopt;
            out.left = service.name == runtime ? service.left : std::nullopt;
            break;
        }
    }
    return out;
}

}  // namespace corral::engine
