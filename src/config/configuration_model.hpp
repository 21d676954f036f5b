#pragma once
// The parts of a [[models]] table that its fallbacks have too.

#include "corral/config/configuration_reading.hpp"

namespace corral::config {

// Profile, variables, overrides and package. False: there is no profile to go on with, and the reason is
// told.
[[nodiscard]] bool read_processes(catalog::section& from, catalog::model_entry& to,
                                  configuration_reading& with);
// The chat family, the capabilities, and what is said of the model to people.
void read_words(catalog::section& from, catalog::model_entry& to);
// What the commands need is there, and nothing is given that nobody takes. REQUIRES: all else was read.
void check_processes(catalog::section& from, const catalog::model_entry& model);

}  // namespace corral::config
