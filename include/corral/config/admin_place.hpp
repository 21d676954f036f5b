#pragma once
// Where the admin socket is: of the daemon, and for those who look for it.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

// Reads `admin_socket`; call it when the state directory is known. Without the key: corral.sock in systemd's
// RUNTIME_DIRECTORY, else in the state directory, else none.
void read_admin_socket(catalog::section& root, const std::map<std::string, std::string>& environment,
                       const std::filesystem::path& base, configuration& to);

// Where the socket of a running daemon may be, likeliest first. `config` is its configuration file, which may
// have mistakes just now; empty: it is not known.
[[nodiscard]] std::vector<std::filesystem::path> admin_socket_candidates(
    const std::filesystem::path& config, const std::map<std::string, std::string>& environment);

}  // namespace corral::config
