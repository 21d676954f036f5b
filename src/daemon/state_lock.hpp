#pragma once
// A state directory belongs to one Corral: two would overwrite each other's files.

#include <filesystem>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"

namespace corral::daemon {

// Held for as long as the descriptor is open, also by the next image of this process; freed by the kernel when the process
// ends, however it does. `inherited`: of the image before, kept where the file can't be opened; -1: none. Fails only where
// another process holds it; one that can't be had, as on a disk that is full or read-only, is not valid, for the state
// directory is no condition of a start.
[[nodiscard]] core::result<core::owned_fd> lock_state(const std::filesystem::path& folder, int inherited);

}  // namespace corral::daemon
