#include "corral/config/state_directory.hpp"

#include "corral/catalog/toml_section.hpp"

namespace corral::config {

namespace fs = std::filesystem;

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
    catalog::issue_list ignored(config.string());  // 'corral check' is the one to complain
    const auto tree = catalog::parse_toml_file(config, ignored);
    const auto name = tree ? tree->at_path("state_directory").value<std::string>() : std::nullopt;
    std::error_code error;
    const fs::path full = fs::absolute(config, error);
    if (!name || name->empty() || error) {
        return std::nullopt;
    }
    return (full.parent_path() / *name).lexically_normal();
}

}  // namespace corral::config
