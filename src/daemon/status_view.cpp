#include "status_view.hpp"

#include <algorithm>

#include "corral/catalog/placement.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::daemon {

namespace {

// The service that a backoff or a breaker keeps down; held ones wait without a time.
void see_who_waits(model_view& view, const std::vector<supervisor::service_status>& services,
                   core::steady_time now) {
    for (const supervisor::service_status& service : services) {
        const bool waits = service.state == supervisor::service_state::waiting;
        const bool broken = service.state == supervisor::service_state::broken;
        if (!service.next_try || !(waits || broken)) {
            continue;
        }
        view.phase = broken ? model_phase::broken : model_phase::waiting;
        view.reason = service.reason;
        const core::nanoseconds left = *service.next_try - now;
        view.next_try = std::max(std::chrono::ceil<core::seconds>(left), core::seconds{0});
        if (broken) {
            return;
        }
    }
}

}  // namespace

model_view view_of(engine::backend& runtime, core::steady_time now) {
    const engine::availability state = runtime.available();
    model_view view;
    view.name = catalog::label_of(runtime.model());
    switch (state.state) {
        case engine::availability_state::ready:
            view.phase = model_phase::ready;
            return view;
        case engine::availability_state::stopped:
            view.phase = model_phase::unloaded;
            return view;
        case engine::availability_state::broken:
            view.phase = model_phase::broken;
            view.reason = state.reason;
            break;
        case engine::availability_state::loading:
            view.phase = model_phase::loading;
            view.progress = state.progress;
            view.left = state.left;
            break;
    }
    see_who_waits(view, runtime.services().status(), now);
    return view;
}

}  // namespace corral::daemon
