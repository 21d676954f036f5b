#include "cli/daemon_place.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "corral/config/configuration_place.hpp"
#include "corral/config/server_places.hpp"

namespace corral::cli {

namespace fs = std::filesystem;

void add_daemon_options(CLI::App& to, daemon_place& into) {
    to.add_option("--socket", into.socket, "The daemon's admin socket")->type_name("FILE");
    to.add_option("--config", into.config, "The daemon's configuration file, to find its socket")
        ->type_name("FILE");
}

std::vector<fs::path> sockets_of(const daemon_place& of,
                                 const std::map<std::string, std::string>& environment) {
    if (!of.socket.empty()) {
        return {of.socket};
    }
    if (of.config) {
        return config::admin_socket_candidates(*of.config, environment);
    }
    const config::configuration_place usual = config::find_configuration(std::nullopt, environment);
    if (usual.named) {
        return config::admin_socket_candidates(usual.file, environment);
    }
    // A file that nobody named need not be that of the daemon that runs.
    std::vector<fs::path> out =
        usual.there ? config::admin_socket_candidates(usual.file, environment) : std::vector<fs::path>{};
    std::vector<fs::path> others = config::admin_socket_candidates({}, environment);
    for (fs::path& each : others) {
        if (std::ranges::find(out, each) == out.end()) {
            out.push_back(std::move(each));
        }
    }
    return out;
}

}  // namespace corral::cli
