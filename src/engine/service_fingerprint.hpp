#pragma once
// Whether processes that run are those that a model would be started with.

#include <string>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::engine {

// Stands for the dialect and all that each of `services` is started with; they have nominal_ports() where the
// kernel would choose. Told apart from chance, not from malice.
[[nodiscard]] std::string service_fingerprint(const catalog::model_entry& model,
                                              const std::vector<supervisor::service_spec>& services);

}  // namespace corral::engine
