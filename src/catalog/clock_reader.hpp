#pragma once
// The bounds of a clock that learns, as keys beside the clock's own.

#include <string_view>

#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

// `<key>_floor` and `<key>_ceiling`. Both of one file must lie on their sides of each other; a start that
// comes from somewhere else moves them.
void read_bounds(section& from, std::string_view key, core::milliseconds start, clock_bounds& into);

// [services.liveness] and `canary`.
void read_liveness(section& from, liveness_rule& into);
void read_canary(section& from, canary_mode& into);
// Method, target, status and timeout, of a table already found; the caller finishes it.
void read_probe_keys(section& from, probe_template& into);

}  // namespace corral::catalog
