#pragma once

#include "scenario.hpp"

namespace corral::sim {

// Takes what nobody gives back before the process ends. What is refused (no descriptor is left) is not taken.
void leak(const leak_options& what);

}  // namespace corral::sim
