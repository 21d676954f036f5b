#include "cli/packages/rm_files.hpp"

#include <algorithm>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/pull/pulled_packages.hpp"

namespace corral::cli {

std::vector<std::string> users_of(const config::configuration& files, const std::string& folder) {
    std::vector<std::string> out;
    const auto uses = [&](const catalog::model_entry& model) {
        return pull::folder_below(files.pull.directory, model.package) == folder;
    };
    for (const catalog::model_entry& model : files.models) {
        if (uses(model) || std::ranges::any_of(model.fallbacks, uses)) {
            out.push_back(model.name);
        }
    }
    return out;
}

core::result<pulled_files> find_pulled_files(const known_models& known, const std::string& model) {
    const config::configuration& files = known.files;
    const catalog::model_entry* const entry = config::find_model(files, model);
    if (entry == nullptr) {
        return core::make_failure(core::errc::refused,
                                  core::say("remove.unknown-use/manifest-mistake", model, model));
    }
    const std::string folder = pull::folder_below(files.pull.directory, entry->package);
    const pull::pulled_things all = pull::look_at_pulled(files.pull.directory);
    const auto found = std::ranges::find(all.packages, folder, &pull::pulled_package::folder);
    if (folder.empty() || found == all.packages.end()) {
        return core::make_failure(
            core::errc::refused,
            core::say("remove.not-pulled/pull-brought", entry->package.string(), entry->name, entry->name));
    }
    std::vector<std::string> users = users_of(files, folder);
    std::erase(users, entry->name);
    if (!users.empty()) {
        return core::make_failure(
            core::errc::refused,
            core::say("remove.shared/package-also", entry->package.string(), core::joined(users)));
    }
    return pulled_files{files.pull.directory, folder, found->bytes};
}

}  // namespace corral::cli
