#pragma once
// How many descriptors the daemon may hold, and what its children get instead (platform_traps.md 14).

#include "corral/core/result.hpp"

namespace corral::process {

// Raises our soft limit of open descriptors to the hard one and remembers the old one, which every child
// started later gets back: old programs loop over all descriptors up to their limit. Call once, early. Fails
// with the errno of the system.
core::result<void> raise_descriptor_limit();

}  // namespace corral::process
