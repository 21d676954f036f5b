#include "supervisor/exit_policy.hpp"

#include <variant>

namespace corral::supervisor {

std::optional<int> exit_status(const process::exit_reason& how) {
    if (const auto* exited = std::get_if<process::exited_with>(&how)) {
        return exited->code;
    }
    if (const auto* killed = std::get_if<process::killed_by>(&how)) {
        return 128 + killed->signal;
    }
    return std::nullopt;
}

exit_story explain_exit(const catalog::service_template& rules, const process::exit_reason& how,
                        const catalog::log_meaning* printed) {
    exit_story story{"ended by itself: " + process::describe(how), {}};
    const auto tell = [&story](const std::string& cause, const std::string& advice) {
        story.reason += ": " + cause;
        story.advice = advice;
        return story;
    };
    // A line that is known to end a start says more than a status; a harmless notice says less.
    if (printed != nullptr && printed->fatal_at_start) {
        return tell(printed->cause, printed->advice);
    }
    const std::optional<int> status = exit_status(how);
    for (const catalog::exit_meaning& meaning : rules.exits) {
        if (status && meaning.status == *status) {
            return tell(meaning.cause, meaning.advice);
        }
    }
    if (printed != nullptr) {
        story.reason += "; while loading it had said: " + printed->cause;
    }
    return story;
}

}  // namespace corral::supervisor
