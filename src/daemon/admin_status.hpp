#pragma once
// How the models fare, as data (`corral status --json`); status_page.hpp makes text of it.

#include "corral/daemon/admin_context.hpp"

namespace corral::daemon {

// {"ok":true, "version", "pid", "uptime_seconds", "reloads", "shutting_down", "queue":{...}, "models":[...]};
// docs/operating.md has the fields. They only ever grow.
[[nodiscard]] control::admin_json status_json(const admin_context& of);

}  // namespace corral::daemon
