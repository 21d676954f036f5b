#pragma once
// corral status | start | stop | restart | reload | upgrade | drain | undrain: what the command line asks a running daemon.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/terminal.hpp"
#include "corral/control/admin_client.hpp"
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

// Shows how far models have loaded while a person waits.

// Asks the daemon `question`, which may take as long as `longest`, and meanwhile shows on standard error what troubles
// models that load, and, where that is a terminal, a bar for each.
[[nodiscard]] core::result<control::admin_json> ask_with_bars(
    const std::vector<std::filesystem::path>& places, const control::admin_question& question,
    core::seconds longest, const text_style& style);

// The status again and again until nothing loads any more: drawn anew on a terminal, elsewhere a line for
// each ten per cent of a load. As JSON: an object a line for each change. The exit status of the program: 1
// when the daemon does not answer, or a model is broken.
[[nodiscard]] int watch_status(const std::vector<std::filesystem::path>& places, bool as_json,
                               const text_style& style);

}  // namespace corral::cli
