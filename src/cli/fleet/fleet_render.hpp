#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "corral/boxes/boxes_file.hpp"
#include "corral/boxes/haproxy.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

// The keys of edge.keys that may ask models. `tell` gets each complaint; nothing where the file has a mistake.
[[nodiscard]] std::optional<std::vector<boxes::edge_key>> edge_keys_of(
    const boxes::edge_settings& edge, const std::function<void(const std::string& complaint)>& tell);

struct watch_options {
    std::string list;
    std::string target;                // file of the configuration
    std::vector<std::string> command;  // that makes HAProxy read it again
    core::seconds interval{2};
};

// Keeps the target as the list and its boxes are, until it is ended by a signal.
[[nodiscard]] int watch_fleet(const watch_options& asked);

// Boxes of a fleet, asked for their models as any client does.
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
