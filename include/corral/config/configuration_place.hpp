#pragma once
// Where the configuration is by default, and where its profiles are: of the daemon, and of commands that
// change what it serves or look at packages.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

// Where profiles are looked for when no folder is named; `base` is the configuration's own.
[[nodiscard]] std::vector<std::filesystem::path> usual_profile_folders(const std::filesystem::path& base);

// The first of `folders` that has it; a name with '/' is the file itself, relative to `base`.
[[nodiscard]] std::optional<std::filesystem::path> find_profile_file(
    const std::string& name, const std::filesystem::path& base,
    const std::vector<std::filesystem::path>& folders);

// Every profile that is there, sorted, 100 at most of each folder.
[[nodiscard]] std::vector<std::string> installed_profiles(const std::vector<std::filesystem::path>& folders);

}  // namespace corral::config
