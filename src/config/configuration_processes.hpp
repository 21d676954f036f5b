#pragma once
// What a [[models]] table and its fallbacks say of the processes: profile, variables, services and package.

#include "corral/config/configuration_model.hpp"

namespace corral::config {

// Profile, variables, overrides and package. False: there is no profile to go on with, and the reason is
// reported.
[[nodiscard]] bool read_processes(catalog::section& table, catalog::model_entry& entry,
                                  configuration_reading& context);
// What the commands need is there, and nothing is given that none takes. REQUIRES: all else was read.
void check_processes(catalog::section& table, const catalog::model_entry& model);

}  // namespace corral::config
