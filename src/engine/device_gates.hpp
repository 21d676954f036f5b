#pragma once
// Wires what a profile says of its device to the services that need it.

#include <memory>

#include "corral/catalog/profile.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::engine {

// The gate of that service of `model`; nullptr when it needs no device, or nothing says how to look at it.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> gate_for(const supervisor::supervisor_context& context,
                                                               const catalog::model_entry& model,
                                                               const supervisor::service_spec& service);

}  // namespace corral::engine
