#pragma once
// What a command that is about models knows: the files, and the daemon's word where one runs.

#include <map>
#include <string>

#include "corral/config/configuration.hpp"
#include "corral/control/admin_socket.hpp"
#include "daemon_place.hpp"

namespace corral::cli {

struct known_models {
    std::filesystem::path file;   // the configuration
    config::configuration files;  // empty where they can't be read
    bool readable = true;         // what is wrong has been told on standard error
    control::admin_json status;   // null: no daemon answers
    std::string silent;           // why
};

// Of the configuration that was said, else of the one that the running daemon uses, else of the usual places.
// Tells on standard error what is wrong with them unless `quiet`.
[[nodiscard]] known_models look_for_models(const daemon_place& place,
                                           const std::map<std::string, std::string>& environment,
                                           bool quiet = false);

}  // namespace corral::cli
