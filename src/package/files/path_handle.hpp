#pragma once
// Opening what a stranger named: only plain files are ever opened for reading, so no FIFO blocks and no
// device notices.

#include <cstdint>
#include <optional>
#include <string>

#include <sys/stat.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"

namespace corral::package {

// A path that is resolved but not opened for reading (O_PATH).
struct path_handle {
    core::owned_fd at;
    std::string real;  // its path without links; empty: the kernel does not say
    struct stat about {};
};

// Relative to `folder` (or AT_FDCWD), links followed. nullopt with errno.
[[nodiscard]] std::optional<path_handle> open_path(int folder, const std::string& path);

// For reading; nullopt with errno where it is no plain file (EINVAL) or may not be read.
[[nodiscard]] std::optional<core::owned_fd> open_plain(const path_handle& place);
[[nodiscard]] std::optional<core::owned_fd> open_plain(const std::string& path);

// By mode and owner, as this process.
[[nodiscard]] bool has_access(const path_handle& place, int access);

}  // namespace corral::package
