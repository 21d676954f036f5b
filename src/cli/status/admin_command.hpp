#pragma once
// corral status | start | stop | restart | reload | upgrade | drain | undrain: what the command line asks a running daemon.

#include <map>
#include <string>

#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_box.hpp"
#include "corral/control/admin_json.hpp"

namespace corral::cli {

struct admin_command {
    std::string verb;
    std::string program;  // of upgrade; empty: the one that runs
    std::string target;   // MODEL or MODEL/SERVICE; empty: all
    daemon_place place;
    remote_box elsewhere;  // of status, start, stop and restart
    bool json = false;
    bool now = false;
    bool yes = false;  // no question where no model is named
    bool wait = false;
    bool watch = false;
    bool whole = false;        // of status: models that are well too
    bool allow_empty = false;  // of reload
};

// Asks the daemon and tells the person; the exit status of the program: 0, or 1 when no daemon answers or the
// daemon refuses.
[[nodiscard]] int run_admin_command(const admin_command& command,
                                    const std::map<std::string, std::string>& environment);

// What an answer to "reload" says, on standard output and error; false: nothing was applied.
bool tell_reload(const control::admin_json& answer);

}  // namespace corral::cli
