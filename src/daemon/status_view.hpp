#pragma once
// What the status line is made from: each model as its backend and its services stand now.

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"
#include "status_text.hpp"

namespace corral::daemon {

[[nodiscard]] model_view view_of(engine::backend& runtime, core::steady_time now);

}  // namespace corral::daemon
