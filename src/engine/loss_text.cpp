#include "engine/loss_text.hpp"

#include <utility>

namespace corral::engine {

namespace {

std::string sentence(std::string text) {
    if (!text.ends_with('.')) {
        text += '.';
    }
    return text;
}

}  // namespace

std::string ended_text(std::string_view subject, const supervisor::service_status& now) {
    std::string text = std::string(subject) + " ended while the request ran";
    if (!now.last_end.empty()) {
        text += ": " + now.last_end.text();
    }
    text = sentence(std::move(text));
    switch (now.state) {
        case supervisor::service_state::broken:
            return text + " It is not started again for now.";
        case supervisor::service_state::stopped:
            return text;
        default:
            return text + " It is being restarted.";
    }
}

bool fell(const supervisor::service_status& service) noexcept {
    using supervisor::restart_reason;
    return !service.killed_from_outside &&
           (service.last_loss == restart_reason::crash || service.last_loss == restart_reason::hang);
}

core::reason with_restart(const core::reason& what) {
    return supervisor::with_advice(what, "It is being restarted.");
}

}  // namespace corral::engine
