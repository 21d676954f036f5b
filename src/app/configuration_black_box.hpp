#pragma once
// The table [black_box].

#include "corral/app/configuration.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::app {

void read_black_box(catalog::section& root, configuration& to);

}  // namespace corral::app
