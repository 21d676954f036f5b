#include "corral/config/configuration_place.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>

#include <unistd.h>

#include "corral/catalog/toml_section.hpp"
#include "corral/core/files.hpp"

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

std::vector<fs::path> usual_profile_folders(const fs::path& base) {
    std::vector<fs::path> out{base / "vendor", (base / ".." / "vendor").lexically_normal()};
    std::ranges::move(core::shipped_folders("vendor"), std::back_inserter(out));
    return out;
}

std::optional<fs::path> find_profile_file(const std::string& name, const fs::path& base,
                                          const std::vector<fs::path>& folders) {
    std::vector<fs::path> candidates;
    if (name.find('/') != std::string::npos) {
        candidates.push_back((base / name).lexically_normal());
    } else {
        for (const auto& folder : folders) {
            candidates.push_back(folder / name / "profile.toml");
        }
    }
    const auto found = std::find_if(candidates.begin(), candidates.end(), [](const fs::path& file) {
        std::error_code error;
        return fs::is_regular_file(file, error) && !error;
    });
    return found == candidates.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::string> installed_profiles(const std::vector<fs::path>& folders) {
    constexpr std::size_t most = 100;
    std::vector<std::string> names;
    for (const auto& folder : folders) {
        std::error_code error;
        for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
             entry.increment(error)) {
            std::error_code absent;
            if (fs::is_regular_file(entry->path() / "profile.toml", absent) && names.size() < most) {
                names.push_back(entry->path().filename().string());
            }
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace corral::config
