#pragma once
// Boxes of a fleet, asked for their models as any client does.

#include <string>
#include <vector>

#include "corral/boxes/boxes_file.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

// The names of /api/tags of each box, in the order of `boxes`. Blocks, 15 s for each box at most, 16 boxes at a time.
[[nodiscard]] std::vector<core::result<std::vector<std::string>>> tags_of(
    const std::vector<boxes::box_entry>& boxes);

}  // namespace corral::cli
