#include "supervisor/machine/trouble_policy.hpp"

#include <variant>

namespace corral::supervisor {

namespace {

bool failed_by_itself(const service_machine& now) {
    const auto* const stop = std::get_if<phase::stopping>(&now.now);
    return stop != nullptr && (stop->after == after_stop::retry || stop->after == after_stop::refused);
}

}  // namespace

trouble trouble_of(const machine_before& before, event_kind event, const service_machine& now) {
    if (!before.wanted) {
        return trouble::none;
    }
    if (now.state() == service_state::broken && before.state != service_state::broken) {
        // One that is refused after its stop had its trouble when the stop began.
        const bool told = before.state == service_state::stopping;
        return now.breaker_is_open() ? trouble::breaker : told ? trouble::none : trouble::failed_start;
    }
    if (event == event_kind::launch_failed && before.state == service_state::starting) {
        return trouble::failed_start;
    }
    if (!before.alive || !failed_by_itself(now)) {
        return trouble::none;
    }
    if (before.state == service_state::starting) {
        return trouble::failed_start;
    }
    if (before.state != service_state::ready) {
        return trouble::none;
    }
    if (event == event_kind::exited) {
        return trouble::crash;
    }
    return event == event_kind::fault ? trouble::intruder : trouble::hang;
}

bool is_worth_a_record(const machine_before& before, const service_machine& now, trouble what) noexcept {
    return before.state != now.state() || what != trouble::none;
}

}  // namespace corral::supervisor
