#pragma once
// Boxes of a fleet, asked for their models as any client does.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/boxes/boxes_file.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

struct box_lists {
    std::string ip;  // the address of the box, as it was found
    std::vector<nlohmann::ordered_json> all;
};

struct list_call {
    std::vector<std::string> targets;  // "/api/tags"; status 200 and an object are asked of each
    core::seconds limit{12};           // for all answers of a box
    std::size_t at_once = 16;          // boxes
    bool announced = false;  // boxes want a PROXY header of the edge's machine, which may be this one
};

// What this box answers to each target. Blocks, `limit` for all of that and 3 s for each address of its name at most.
[[nodiscard]] core::result<box_lists> lists_of(const boxes::box_entry& box, const list_call& what);

// What each box answers to each target, in the order of `boxes`; why it does not in its place. Blocks as for one box,
// `at_once` of them side by side.
[[nodiscard]] std::vector<core::result<box_lists>> lists_of(const std::vector<boxes::box_entry>& boxes,
                                                            const list_call& what);

// The names of /api/tags of each box, in the order of `boxes`. Blocks as lists_of(); `announced` as there.
[[nodiscard]] std::vector<core::result<std::vector<std::string>>> tags_of(
    const std::vector<boxes::box_entry>& boxes, bool announced);

// The names in an answer to /api/tags, which is an object; a failure where it has no list of models.
[[nodiscard]] core::result<std::vector<std::string>> names_in(const nlohmann::ordered_json& tags);

}  // namespace corral::cli
