#pragma once
// corral logs --crash [N|NAME]: what the black box has kept, for people or as JSON. Reads files only, so the
// server need not run.

#include <map>
#include <optional>
#include <string>

namespace corral::app {

struct logs_command {
    std::string which;  // a number, 1 being the newest, or a name; empty: the list
    bool json = false;
    std::optional<std::string> state;  // the state directory; else
    std::string config =
        "/etc/corral/corral.toml";  // names it, else the environment, else systemd's usual one
};

// The exit status of the program. `environment` is as for usual_state_directory().
[[nodiscard]] int run_logs_command(const logs_command& asked,
                                   const std::map<std::string, std::string>& environment);

}  // namespace corral::app
