#include "corral/config/server_places.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "corral/catalog/toml_section.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

constexpr const char* socket_name = "corral.sock";

// systemd lists several with colons.
fs::path runtime_directory(const std::map<std::string, std::string>& environment) {
    const auto found = environment.find("RUNTIME_DIRECTORY");
    if (found == environment.end()) {
        return {};
    }
    const fs::path path = found->second.substr(0, found->second.find(':'));
    return path.is_absolute() ? path : fs::path();
}

fs::path usual_place(const std::map<std::string, std::string>& environment, const fs::path& state_directory) {
    if (const fs::path given = runtime_directory(environment); !given.empty()) {
        return given / socket_name;
    }
    return state_directory.empty() ? fs::path() : state_directory / socket_name;
}

struct said_in_file {
    std::optional<fs::path> socket;  // empty: switched off
    fs::path state_directory;
};

void take_places(const toml::table& table, const fs::path& base, said_in_file& out) {
    if (const auto text = table.at_path("admin_socket").value<std::string>()) {
        out.socket = text->empty() ? fs::path() : (base / *text).lexically_normal();
    }
    if (const auto text = table.at_path("state_directory").value<std::string>(); text && !text->empty()) {
        out.state_directory = (base / *text).lexically_normal();
    }
}

// Of a text with a mistake somewhere: what single lines above the first table say.
void take_places_of_lines(std::string_view text, const fs::path& base, catalog::issue_list& ignored,
                          said_in_file& out) {
    while (!text.empty() && !text.starts_with('[')) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (!line.starts_with("admin_socket") && !line.starts_with("state_directory")) {
            continue;
        }
        if (const auto tree = catalog::parse_toml_text(line, ignored)) {
            take_places(*tree, base, out);
        }
    }
}

said_in_file read_lenient(const fs::path& config) {
    said_in_file out;
    catalog::issue_list ignored(config.string());  // 'corral check' is the one to complain
    const auto text = catalog::read_toml_text(config, ignored);
    std::error_code error;
    const fs::path base = fs::absolute(config, error).lexically_normal().parent_path();
    if (!text || error) {
        return out;
    }
    if (const auto tree = catalog::parse_toml_text(*text, ignored)) {
        take_places(*tree, base, out);
    } else {
        take_places_of_lines(*text, base, ignored, out);
    }
    return out;
}

}  // namespace

fs::path bytecode_folder(const fs::path& state_directory) {
    std::error_code nowhere;
    const fs::path full = fs::absolute(state_directory, nowhere);
    return state_directory.empty() || nowhere ? fs::path("/dev/null")
                                              : (full / "bytecode").lexically_normal();
}

fs::path usual_state_directory(const std::map<std::string, std::string>& environment) {
    // A relative one is to be ignored, says the XDG base directory specification.
    const auto absolute = [&](const char* name) {
        const auto found = environment.find(name);
        // systemd lists several with colons.
        const fs::path path = found == environment.end()
                                  ? fs::path()
                                  : fs::path(found->second.substr(0, found->second.find(':')));
        return path.is_absolute() ? path : fs::path();
    };
    if (auto given = absolute("STATE_DIRECTORY"); !given.empty()) {
        return given;
    }
    if (const auto given = absolute("XDG_STATE_HOME"); !given.empty()) {
        return given / "corral";
    }
    const auto home = absolute("HOME");
    return home.empty() ? home : home / ".local" / "state" / "corral";
}

std::optional<fs::path> configured_state_directory(const fs::path& config) {
    fs::path said = read_lenient(config).state_directory;
    return said.empty() ? std::nullopt : std::optional(std::move(said));
}

void read_admin_socket(catalog::section& root, const std::map<std::string, std::string>& environment,
                       const fs::path& base, configuration& to) {
    std::string text;
    root.text("admin_socket", text);
    to.admin_socket_named = root.has("admin_socket");
    if (!to.admin_socket_named) {
        to.admin_socket = usual_place(environment, to.state_directory);
    } else if (!text.empty()) {
        to.admin_socket = (base / text).lexically_normal();
    }
}

std::vector<fs::path> admin_socket_candidates(const fs::path& config,
                                              const std::map<std::string, std::string>& environment) {
    const said_in_file said = config.empty() ? said_in_file{} : read_lenient(config);
    if (said.socket) {
        return said.socket->empty() ? std::vector<fs::path>{} : std::vector<fs::path>{*said.socket};
    }
    std::vector<fs::path> out;
    if (!said.state_directory.empty()) {
        out.push_back(said.state_directory / socket_name);
    }
    if (const fs::path given = runtime_directory(environment); !given.empty()) {
        out.push_back(given / socket_name);
    }
    if (const fs::path usual = usual_state_directory(environment); !usual.empty()) {
        out.push_back(usual / socket_name);
    }
    // Of the unit that comes with Corral.
    out.push_back(fs::path("/run/corral") / socket_name);
    out.push_back(fs::path("/var/lib/corral") / socket_name);
    return out;
}

}  // namespace corral::config
