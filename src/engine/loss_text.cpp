#include "engine/loss_text.hpp"

#include <string>

#include "corral/core/say.hpp"

namespace corral::engine {

core::reason ended_text(std::string_view subject, const supervisor::service_status& now) {
    const core::reason what = core::say("runtime.not-run/fell", std::string(subject)).led_to_by(now.last_end);
    switch (now.state) {
        case supervisor::service_state::broken:
            return supervisor::with_advice(what, core::say("runtime.not-run/stays"));
        case supervisor::service_state::stopped:
            return what.text().ends_with('.') ? what
                                              : core::reason(core::wording{nullptr, "{what}."}, {what});
        default:
            return with_restart(what);
    }
}

bool fell(const supervisor::service_status& service) noexcept {
    using supervisor::restart_reason;
    return !service.killed_from_outside &&
           (service.last_loss == restart_reason::crash || service.last_loss == restart_reason::hang);
}

bool was_restarted(const supervisor::service_status& service) noexcept {
    return service.last_loss == supervisor::restart_reason::asked;
}

core::reason with_restart(const core::reason& what) {
    return supervisor::with_advice(what, core::say("runtime.not-run/restarts"));
}

}  // namespace corral::engine
