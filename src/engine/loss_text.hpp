#pragma once
// What a client is told whose runtime went while it worked for it: what happened, why as far as it is known
// at once, and what is being done.

#include <string_view>

#include "corral/supervisor/group.hpp"

namespace corral::engine {

// `subject` begins the text: "The runtime". One or more plain sentences.
[[nodiscard]] core::reason ended_text(std::string_view subject, const supervisor::service_status& now);

// Its last process ended for a reason of its own, and not by Corral's choice, another service's or program's.
[[nodiscard]] bool fell(const supervisor::service_status& service) noexcept;

// The same, because a person asked for it.
[[nodiscard]] bool was_restarted(const supervisor::service_status& service) noexcept;

// `what`, a sentence, and that the runtime is restarted for it.
[[nodiscard]] core::reason with_restart(const core::reason& what);

}  // namespace corral::engine
