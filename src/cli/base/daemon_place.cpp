#include "cli/base/daemon_place.hpp"

#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/reported_fields.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/server_places.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/say.hpp"
#include "corral/process/listener_owner.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace fs = std::filesystem;

void add_daemon_options(CLI::App& app, daemon_place& into) {
    app.add_option("--socket", into.socket, "The daemon's admin socket")->type_name("FILE");
    app.add_option("--config", into.config,
                   "Configuration file that names the daemon's socket and the manifest folder")
        ->type_name("FILE");
    app.add_flag("--verbose", into.verbose, "List the sockets tried if no daemon answers");
}

std::vector<fs::path> sockets_of(const daemon_place& place,
                                 const std::map<std::string, std::string>& environment) {
    if (!place.socket.empty()) {
        return {place.socket};
    }
    if (place.config) {
        return config::admin_socket_candidates(*place.config, environment);
    }
    const config::configuration_place usual = config::find_configuration(std::nullopt, environment);
    if (usual.named) {
        return config::admin_socket_candidates(usual.file, environment);
    }
    // A file that was not named need not be that of the daemon that runs.
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

fs::path crashes_of(const daemon_place& place, const std::map<std::string, std::string>& environment) {
    if (const auto named =
            config::configured_state_directory(config::find_configuration(place.config, environment).file)) {
        return config::crash_folder(*named);
    }
    const fs::path usual = config::usual_state_directory(environment);
    std::error_code ignored;  // one that can't be looked at is not there for us
    if (!usual.empty() && fs::exists(config::crash_folder(usual), ignored)) {
        return config::crash_folder(usual);
    }
    const fs::path service = "/var/lib/corral";
    return config::crash_folder(fs::exists(service, ignored) || usual.empty() ? service : usual);
}

bool is_about(const control::admin_json& status, const fs::path& file) {
    const auto used = status.find("configuration");
    std::error_code unknown;
    const fs::path full = fs::absolute(file, unknown).lexically_normal();
    return used != status.end() && used->is_string() && !unknown &&
           (full == used->get<std::string>() || fs::equivalent(full, used->get<std::string>(), unknown));
}

core::result<void> check_daemon(const daemon_place& place, const std::vector<fs::path>& places) {
    constexpr core::seconds longest{10};
    if (!place.config || !place.socket.empty()) {
        return {};
    }
    const auto status = control::ask_daemon(places, {}, longest);
    if (!status || is_about(*status, *place.config)) {
        return {};  // the next question says why no daemon answers
    }
    const std::string other = reported_text(*status, "configuration");
    return core::make_failure(core::errc::not_found,
                              core::say("command.other-daemon/corral", (other.empty() ? other : ", " + other),
                                        *place.config, *place.config));
}

namespace {

// A Corral that serves where the configuration says, but without an admin socket: it was switched off, or could not be
// made. Empty: there is none.
core::reason silent_corral(const daemon_place& place) {
    const config::configuration_result read =
        config::load_configuration(source_of(place.config, known_environment()));
    const std::uint16_t port = read.value ? read.value->listen.port() : std::uint16_t{0};
    for (const process::listening_socket& row :
         port != 0 ? process::listeners_on(port) : std::vector<process::listening_socket>()) {
        if (row.owner != 0 && process::is_corral(row.program)) {
            return core::say("command.not-running/silent", port, row.owner);
        }
    }
    return {};
}

}  // namespace

int fail_to_ask(const core::failure& why, const daemon_place& place, const std::vector<fs::path>& places) {
    std::error_code unreadable;  // then the reason that was given stands
    if (!place.socket.empty() && !fs::exists(place.socket, unreadable) && !unreadable) {
        return fail(core::say("command.no-socket", telemetry::printable(place.socket, 1000)));
    }
    const bool nobody = why.message.id() == "command.not-running";
    const bool off = why.message.id() == "command.socket-off";
    // One that was named may be that of another daemon, with the same address.
    core::reason said = (nobody || off) && !place.config ? silent_corral(place) : core::reason();
    if (said.empty()) {
        said = nobody && place.config ? control::not_running(place.config) : why.message;
    }
    const int status = fail(telemetry::printable(said, 4000));
    for (const fs::path& each : places) {
        if (place.verbose || !place.socket.empty()) {
            std::cerr << "tried " << telemetry::printable(each.string(), 1000) << '\n';
        }
    }
    return status;
}

}  // namespace corral::cli
