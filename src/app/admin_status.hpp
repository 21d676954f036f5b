#pragma once
// How the models fare, as data (`corral status --json`) and as text for people.

#include <string>

#include "admin_verbs.hpp"

namespace corral::app {

// {"ok":true, "version", "pid", "uptime_seconds", "reloads", "shutting_down", "queue":{...}, "models":[...]};
// docs/operating.md has the fields. They only ever grow.
[[nodiscard]] admin_json status_json(const admin_context& of);

// Of an answer of status_json(), which comes from another process: what is missing there is left out.
[[nodiscard]] std::string status_page(const admin_json& status);

}  // namespace corral::app
