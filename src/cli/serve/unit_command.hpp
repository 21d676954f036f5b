#pragma once
// What `corral unit` writes: the part of the service's unit that depends on the models of the box. Decides only.

#include <functional>
#include <string>
#include <vector>

#include "corral/config/configuration.hpp"

namespace corral::cli {

// The device files that a pattern of `[device] nodes` means on this box; none: it is not there now.
using node_finder = std::function<std::vector<std::string>(const std::string& pattern)>;

struct unit_drop_in {
    std::string text;                  // of the file
    std::vector<std::string> missing;  // patterns without a device file
};

// Closed but for the device files of all models; with none at all the service has devices of its own.
[[nodiscard]] unit_drop_in unit_drop_in_of(const config::configuration& settings, const node_finder& find);

// By the names in /dev.
[[nodiscard]] std::vector<std::string> find_nodes(const std::string& pattern);

}  // namespace corral::cli
