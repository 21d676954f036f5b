#pragma once
// Where the configuration is when nobody says: of the daemon, and of commands that change what it serves.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace corral::config {

struct configuration_place {
    std::filesystem::path file;
    bool named = false;            // somebody said it, so it must be there
    bool there = false;            // the file exists
    std::filesystem::path models;  // the folder of manifests; may not be there yet
};

// The first of: `said` (--config), CORRAL_CONFIG, /etc/corral/corral.toml where it exists,
// $XDG_CONFIG_HOME/corral/corral.toml (~/.config/...) where it exists; where none does, the one of /etc for
// root and the one of the home folder for others. `models` is `models_directory` of that file, read
// leniently, else models.d beside it. Absolute paths. `root`: of the file system, for tests.
[[nodiscard]] configuration_place find_configuration(const std::optional<std::string>& said,
                                                     const std::map<std::string, std::string>& environment,
                                                     const std::filesystem::path& root = "/");

}  // namespace corral::config
