#pragma once
// The table [black_box].

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

void read_black_box(catalog::section& root, configuration& to);

}  // namespace corral::config
