#pragma once
// [[models.fallbacks]]: what serves in a model's place while nothing before it can.

#include "corral/config/configuration_reading.hpp"

namespace corral::config {

// Into to.fallbacks, and `failback_after`. REQUIRES: all else of `to` was read.
void read_fallbacks(catalog::section& from, catalog::model_entry& to, configuration_reading& with);

}  // namespace corral::config
