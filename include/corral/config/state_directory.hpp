#pragma once
// Where a server keeps what must outlive it.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace corral::config {

// systemd's STATE_DIRECTORY, else corral in XDG_STATE_HOME, else .local/state/corral in HOME; empty where the
// environment says none of them. Makes nothing.
[[nodiscard]] std::filesystem::path usual_state_directory(
    const std::map<std::string, std::string>& environment);

// Where in it the black box keeps its bundles.
[[nodiscard]] inline std::filesystem::path crash_folder(const std::filesystem::path& state_directory) {
    return state_directory / "crashes";
}

// Where the server of that configuration file keeps it, as far as the file says so; nothing when it does not,
// or can't be read. Relative ones start at the file's folder.
[[nodiscard]] std::optional<std::filesystem::path> configured_state_directory(
    const std::filesystem::path& config);

}  // namespace corral::config
