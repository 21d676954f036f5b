#pragma once
// [traits] of a profile.

#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

void read_traits(section from, runtime_traits& into);

}  // namespace corral::catalog
