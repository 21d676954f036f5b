#pragma once
// How many descriptors the daemon may hold, and what its children get instead
// (docs/facts/platform_traps.md#descriptor-limit).

#include <cstdint>
#include <optional>

#include "corral/core/result.hpp"

namespace corral::process {

// Raises our soft limit of open descriptors to the hard one and remembers the old one, which every child
// started later gets back: old programs loop over all descriptors up to their limit. Call once, early. Fails
// with the errno of the system.
core::result<void> raise_descriptor_limit();

// The soft limit that children get back; nothing when ours was not raised. An image of this process that
// takes over from an earlier one finds its limit raised already, and gets the old one by the second.
[[nodiscard]] std::optional<std::uint64_t> descriptor_limit_of_children();
void set_descriptor_limit_of_children(std::uint64_t soft);

}  // namespace corral::process
