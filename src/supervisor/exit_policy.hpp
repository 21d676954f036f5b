#pragma once
// Why a service that nobody stopped has ended, in one sentence, and what to do about it.

#include <optional>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/process/exit_reason.hpp"

namespace corral::supervisor {

// Exit code, or 128 + signal, as the profile's exit_meaning counts; nothing when track of the process was
// lost.
[[nodiscard]] std::optional<int> exit_status(const process::exit_reason& how);

struct exit_story {
    std::string reason;
    std::string advice;
};

// `printed` is what the service itself said of its trouble while loading (may be null); it knows more than a
// status.
[[nodiscard]] exit_story explain_exit(const catalog::service_template& rules, const process::exit_reason& how,
                                      const catalog::log_meaning* printed);

}  // namespace corral::supervisor
