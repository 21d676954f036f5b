#pragma once
// How a command finds the running daemon, and its configuration.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace corral::cli {

struct daemon_place {
    std::string socket;                 // else looked for
    std::optional<std::string> config;  // the daemon's, to find its socket; else the usual places
};

// --socket and --config; `into` outlives the parser.
void add_daemon_options(CLI::App& to, daemon_place& into);

// Where its admin socket may be, likeliest first; empty: the configuration switches it off.
[[nodiscard]] std::vector<std::filesystem::path> sockets_of(
    const daemon_place& of, const std::map<std::string, std::string>& environment);

}  // namespace corral::cli
