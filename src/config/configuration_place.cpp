#include "corral/config/configuration_place.hpp"

#include <system_error>

#include <unistd.h>

#include "corral/catalog/toml_section.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

fs::path absolute(const fs::path& path) {
    std::error_code unknown_folder;
    const fs::path full = fs::absolute(path, unknown_folder);
    return (unknown_folder ? path : full).lexically_normal();
}

bool is_there(const fs::path& file) {
    std::error_code unreadable;  // of somebody else: then it is not ours to use
    return fs::is_regular_file(file, unreadable);
}

std::string value_of(const std::map<std::string, std::string>& environment, const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

fs::path at_home(const std::map<std::string, std::string>& environment) {
    fs::path base = value_of(environment, "XDG_CONFIG_HOME");
    if (!base.is_absolute()) {
        const fs::path home = value_of(environment, "HOME");
        base = home.is_absolute() ? home / ".config" : fs::path();
    }
    return base.empty() ? fs::path() : base / "corral" / "corral.toml";
}

fs::path models_of(const fs::path& file) {
    catalog::issue_list ignored(file.string());  // 'corral check' is the one to complain
    fs::path said = "models.d";
    if (const auto tree = is_there(file) ? catalog::parse_toml_file(file, ignored) : std::nullopt) {
        if (const auto text = tree->at_path("models_directory").value<std::string>();
            text && !text->empty()) {
            said = *text;
        }
    }
    return (file.parent_path() / said).lexically_normal();
}

}  // namespace

configuration_place find_configuration(const std::optional<std::string>& said,
                                       const std::map<std::string, std::string>& environment,
                                       const fs::path& root) {
    configuration_place out;
    const std::string in_environment = value_of(environment, "CORRAL_CONFIG");
    out.named = said.has_value() || !in_environment.empty();
    if (out.named) {
        out.file = absolute(said ? *said : in_environment);
    } else {
        const fs::path of_system = root / "etc/corral/corral.toml";
        const fs::path of_user = at_home(environment);
        const bool systems =
            is_there(of_system) || of_user.empty() || (!is_there(of_user) && ::geteuid() == 0);
        out.file = systems ? of_system : of_user;
    }
    out.there = is_there(out.file);
    out.models = models_of(out.file);
    return out;
}

}  // namespace corral::config
