#pragma once
// What stands before a start of a service: its own files and port, and the device where it needs one.

#include <memory>

#include "corral/catalog/profile.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/supervisor/start_gate.hpp"

namespace corral::engine {

// The gate of that service of `model`; nullptr when nothing is to be looked at.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> gate_for(const supervisor::supervisor_context& context,
                                                               const catalog::model_entry& model,
                                                               const supervisor::service_spec& service);

}  // namespace corral::engine
