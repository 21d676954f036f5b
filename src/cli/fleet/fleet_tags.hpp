#pragma once
// Boxes of a fleet, asked for their models as any client does.

#include <string>
#include <vector>

#include "corral/boxes/boxes_file.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

inline constexpr std::size_t most_models_of_a_box = 1'024;  // each is a backend of the edge

struct tags_call {
    core::seconds limit{12};  // for the answer of a box
    bool announced = false;   // boxes want a PROXY header of the edge's machine, which may be this one
};

// The names in each box's answer to /api/tags, in the order of `boxes`; why there is none in its place. Blocks, for
// `limit` and 3 s for each address of a box's name at most; 64 are asked side by side.
[[nodiscard]] std::vector<core::result<std::vector<std::string>>> tags_of(
    const std::vector<boxes::box_entry>& boxes, const tags_call& call);

}  // namespace corral::cli
