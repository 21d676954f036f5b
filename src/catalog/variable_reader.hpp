#pragma once
// [variables.NAME] and [[files]] of a profile: what a model fills in, and what the files behind it must be.

#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

// Asks `from` for "variables". The names of `into`'s services must be known.
void read_variables(section& from, profile& into);

// Asks `from` for "files".
void read_runtime_files(section& from, profile& into);

}  // namespace corral::catalog
