#pragma once
// The device keys of one model.

#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::config {

// Reads [models.device] into the profile's, and checks that the format of the outcome exists.
void read_model_device(catalog::section& from, catalog::model_entry& to);

}  // namespace corral::config
