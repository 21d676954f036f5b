#pragma once
// Whether this system has pseudo terminals: a small container may have none.

#include <cstdlib>

#include <fcntl.h>

#include "corral/core/owned_fd.hpp"

namespace corral::process {

[[nodiscard]] inline bool has_terminals() {
    const core::owned_fd leader(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    return leader.valid() && ::ptsname(leader.get()) != nullptr;
}

}  // namespace corral::process
