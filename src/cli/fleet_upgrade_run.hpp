#pragma once
// Performs what boxes::rolling_upgrade decides: calls of the boxes' API, the operator's command, signals.

#include <functional>
#include <string>
#include <vector>

#include "cli/remote_box.hpp"
#include "corral/boxes/boxes_file.hpp"
#include "corral/boxes/rolling_upgrade.hpp"

namespace corral::cli {

struct upgrade_job {
    std::vector<boxes::box_entry> boxes;
    std::vector<found_box> found;       // of each
    std::vector<std::string> command;   // the program first; {box}, {host} and {port} are filled in
    core::seconds command_limit{1800};  // then its group gets SIGTERM, and SIGKILL 10 s later
    boxes::upgrade_rules rules;
    std::function<void(const std::string& line)> tell;  // what happens, as it does
};

struct upgrade_end {
    bool succeeded = false;
    std::vector<boxes::upgraded_box> boxes;
};

// Blocks to the end. The first SIGINT or SIGTERM lets boxes that are being changed come to their end, and gives the others
// back; the second ends it at once, with the commands that run.
[[nodiscard]] upgrade_end run_upgrade(upgrade_job job);

// `word` with the name, the host and the port of `box` in place of {box}, {host} and {port}.
[[nodiscard]] std::string filled_in(const std::string& word, const boxes::box_entry& box);

}  // namespace corral::cli
