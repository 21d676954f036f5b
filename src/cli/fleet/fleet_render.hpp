#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "corral/boxes/haproxy.hpp"
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

}  // namespace corral::cli
