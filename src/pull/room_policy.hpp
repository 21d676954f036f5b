#pragma once
// Whether a package has room, and the words when it has none.

#include <cstdint>
#include <string>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::pull {

struct removable_package {
    std::string folder;
    std::uint64_t bytes = 0;
};

struct room_facts {
    std::string directory;                     // for people
    std::uint64_t needed = 0;                  // bytes that are still to come
    std::size_t files = 0;                     // that are still to come
    std::uint64_t free = 0;                    // on the disk, for us
    std::uint64_t quota = 0;                   // 0: none
    std::uint64_t used = 0;                    // of the quota, by what is there and goes on being there
    std::vector<removable_package> removable;  // that were pulled before
};

// Bytes that a disk must have free, with what folders take and a rest for all else.
[[nodiscard]] std::uint64_t room_needed(std::uint64_t bytes, std::size_t files) noexcept;

[[nodiscard]] core::result<void> judge_room(room_facts facts);

}  // namespace corral::pull
