#pragma once
// Makes the files that a service reads its settings from, before each start of it: somebody may have changed
// or removed them since. Where that fails there is no start, and no failure is counted.

#include <memory>

#include "corral/supervisor/group.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::engine {

// The gate that `service` has already (may be none), with that before it where the service has such files.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> with_settings(
    const supervisor::supervisor_context& context, const supervisor::service_spec& service);

}  // namespace corral::engine
