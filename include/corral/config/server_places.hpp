#pragma once
// Where a server keeps what must outlive it, and where its admin socket is.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

// systemd's STATE_DIRECTORY, else corral in XDG_STATE_HOME, else .local/state/corral in HOME; empty where the
// environment says none of them. Makes nothing.
[[nodiscard]] std::filesystem::path usual_state_directory(
    const std::map<std::string, std::string>& environment);

// Where in it the black box keeps its bundles.
[[nodiscard]] inline std::filesystem::path crash_folder(const std::filesystem::path& state_directory) {
    return state_directory / "crashes";
}
// What clients have made.
[[nodiscard]] inline std::filesystem::path variants_folder(const std::filesystem::path& state_directory) {
    return state_directory / "variants";
}
// Where in it are the files that services read their settings from; empty: there is no place for them.
[[nodiscard]] inline std::filesystem::path rendered_folder(const std::filesystem::path& state_directory) {
    return state_directory.empty() ? state_directory : state_directory / "services";
}
// Where in it the Pythons of services keep their byte code, absolute, for they run in folders of others. Without one
// below a device, where nothing can be kept.
[[nodiscard]] std::filesystem::path bytecode_folder(const std::filesystem::path& state_directory);

// Where the server of that configuration file keeps it, as far as the file says so; nothing when it does not,
// or can't be read. Relative ones start at the file's folder.
[[nodiscard]] std::optional<std::filesystem::path> configured_state_directory(
    const std::filesystem::path& config);

// Reads `admin_socket`; call it when the state directory is known. Without the key: corral.sock in systemd's
// RUNTIME_DIRECTORY, else in the state directory, else none.
void read_admin_socket(catalog::section& root, const std::map<std::string, std::string>& environment,
                       const std::filesystem::path& base, configuration& to);

// Where the socket of a running daemon may be, likeliest first. `config` is its configuration file, which may
// have mistakes just now; empty: it is not known.
[[nodiscard]] std::vector<std::filesystem::path> admin_socket_candidates(
    const std::filesystem::path& config, const std::map<std::string, std::string>& environment);

}  // namespace corral::config
