#include "supervisor/machine/trouble_policy.hpp"

#include <variant>

namespace corral::supervisor {

std::optional<restart_reason> reason_of(const machine_before& before, const service_event& event,
                                        const service_machine& now) {
    const auto* const stop = std::get_if<phase::stopping>(&now.now);
    const bool loaded = before.state == service_state::starting;
    if (!before.wanted || !before.alive || stop == nullptr ||
        (!loaded && before.state != service_state::ready)) {
        return std::nullopt;
    }
    switch (stop->after) {
        case after_stop::rest:
            return std::nullopt;
        case after_stop::held:
            return restart_reason::dependency;
        case after_stop::again:
            return event.why;
        case after_stop::retry:
        case after_stop::refused:
            break;
    }
    if (loaded) {
        return restart_reason::failed_start;
    }
    return event.what == event_kind::exited  ? restart_reason::crash
           : event.what == event_kind::fault ? restart_reason::intruder
                                             : restart_reason::hang;
}

trouble trouble_of(const machine_before& before, const service_event& event, const service_machine& now) {
    if (!before.wanted) {
        return trouble::none;
    }
    if (now.state() == service_state::broken && before.state != service_state::broken) {
        // One that is refused after its stop had its trouble when the stop began.
        const bool reported = before.state == service_state::stopping;
        return now.breaker_is_open() ? trouble::breaker : reported ? trouble::none : trouble::failed_start;
    }
    if (event.what == event_kind::launch_failed && before.state == service_state::starting) {
        return trouble::failed_start;
    }
    const auto why = reason_of(before, event, now);
    return why ? meaning_of(*why).bundle : trouble::none;
}

bool is_worth_a_record(const machine_before& before, const service_machine& now, trouble what) noexcept {
    return before.state != now.state() || what != trouble::none;
}

}  // namespace corral::supervisor
