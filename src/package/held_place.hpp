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

// A place in the file system that is held but not opened (O_PATH).
struct held_place {
    core::owned_fd at;
    std::string real;  // its path without links; empty: the kernel does not say
    struct stat about {};
};

// Relative to `folder` (or AT_FDCWD), links followed. nullopt with errno.
[[nodiscard]] std::optional<held_place> hold(int folder, const std::string& path);

// For reading; nullopt with errno where it is no plain file (EINVAL) or may not be read.
[[nodiscard]] std::optional<core::owned_fd> open_plain(const held_place& place);
[[nodiscard]] std::optional<core::owned_fd> open_plain(const std::string& path);

// By mode and owner, as this process.
[[nodiscard]] bool may(const held_place& place, int access);

// At most `most` bytes from `offset`; what there is when the file is shorter. nullopt with errno.
[[nodiscard]] std::optional<std::string> read_at(const core::owned_fd& file, std::uint64_t offset,
                                                 std::size_t most);

}  // namespace corral::package
