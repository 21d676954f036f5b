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
    if (printed != nullptr) {
        story.reason += ": " + printed->cause;
        story.advice = printed->advice;
        return story;
    }
    const std::optional<int> status = exit_status(how);
    for (const catalog::exit_meaning& meaning : rules.exits) {
        if (status && meaning.status == *status) {
            story.reason += ": " + meaning.cause;
            story.advice = meaning.advice;
            break;
        }
    }
    return story;
}

}  // namespace corral::supervisor
