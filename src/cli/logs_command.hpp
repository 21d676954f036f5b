#pragma once
// corral logs --crash [N|NAME]: what the black box has kept, for people or as JSON. Reads files only, so the
// server need not run. Without --crash: what services printed last, from the daemon.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "daemon_place.hpp"

namespace corral::cli {

struct logs_command {
    std::string target;  // MODEL, MODEL/SERVICE, SERVICE or corral; empty: all
    bool follow = false;
    std::int64_t lines = 100;
    bool crash = false;
    std::string which;  // of crashes: a number, 1 being the newest, or a name; empty: the list
    bool json = false;
    std::optional<std::string> state;  // the state directory; else the configuration names it, else the
                                       // environment, else systemd's usual one
    daemon_place place;
};

// The exit status of the program. `environment` is as for usual_state_directory().
[[nodiscard]] int run_logs_command(const logs_command& asked,
                                   const std::map<std::string, std::string>& environment);

}  // namespace corral::cli
