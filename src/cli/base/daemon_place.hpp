#pragma once
// How a command finds the running daemon, and its configuration.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corral/control/admin_json.hpp"
#include "corral/core/result.hpp"

namespace CLI {
class App;
}

namespace corral::cli {

struct daemon_place {
    std::string socket;                 // else looked for
    std::optional<std::string> config;  // the daemon's, to find its socket; else the usual places
    bool verbose = false;               // where no daemon answers: which places were tried
};

// --socket, --config and --verbose; `into` outlives the parser.
void add_daemon_options(CLI::App& app, daemon_place& into);

// Where its admin socket may be, likeliest first; empty: the configuration switches it off.
[[nodiscard]] std::vector<std::filesystem::path> sockets_of(
    const daemon_place& place, const std::map<std::string, std::string>& environment);

// Where its black box is: as the configuration says, else in the environment's state directory, else in the one of the
// unit that comes with Corral.
[[nodiscard]] std::filesystem::path crashes_of(const daemon_place& place,
                                               const std::map<std::string, std::string>& environment);

// True of a daemon that serves that very file: another one knows nothing of its models.
[[nodiscard]] bool is_about(const control::admin_json& status, const std::filesystem::path& file);

// Where the configuration was named and a daemon answers that serves another: that, as a failure.
[[nodiscard]] core::result<void> check_daemon(const daemon_place& place,
                                              const std::vector<std::filesystem::path>& places);

// Says on standard error why the daemon could not be asked; the exit status for it.
[[nodiscard]] int fail_to_ask(const core::failure& why, const daemon_place& place,
                              const std::vector<std::filesystem::path>& places);

}  // namespace corral::cli
