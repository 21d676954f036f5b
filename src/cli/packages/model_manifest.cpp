#include "cli/packages/model_manifest.hpp"

#include <algorithm>

#include "cli/base/remote_server.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/pull/pulled_packages.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr core::seconds reload_limit{150};

// "FILE:LINE" of the [[models]] table.
std::string place_of(const fs::path& file, const std::string& name) {
    catalog::issue_list ignored(file.string());  // it was read whole a moment ago
    const auto tree = catalog::parse_toml_file(file, ignored);
    const toml::array* const all = tree ? tree->get_as<toml::array>("models") : nullptr;
    if (all != nullptr) {
        for (const toml::node& one : *all) {
            const auto* const table = one.as_table();
            const auto said = table != nullptr ? (*table)["name"].value<std::string>() : std::nullopt;
            if (said && catalog::same_model(*said, name)) {
                return file.string() + ":" + std::to_string(one.source().begin.line);
            }
        }
    }
    return file.string();
}

}  // namespace

model_manifest find_manifest(const known_models& known, const std::string& typed, const manifest_use& use) {
    const catalog::model_entry* const model = config::find_model(known.files, typed);
    if (model == nullptr) {
        for (const config::left_out_manifest& one : known.files.left_out) {
            if (catalog::same_model(one.name, typed) || one.file.filename() == typed) {
                return {one.name.empty() ? one.file.filename().string() : one.name, one.file, {}};
            }
        }
        return {{}, {}, no_such_model(known.files, typed)};
    }
    if (!catalog::same_model(model->name, typed)) {
        return {{},
                {},
                "'" + typed + "' is an alias of '" + model->name + "'; take it out of 'aliases' in " +
                    model->source.string() + ", or say 'corral " + use.command + " " + model->name + "'"};
    }
    if (model->source.parent_path() != known.files.models_directory) {
        return {{},
                {},
                "'" + model->name + "' is no manifest of its own: " + use.by_hand + " at " +
                    place_of(model->source, model->name) + " and say 'corral reload'"};
    }
    return {model->name, model->source, {}};
}

std::optional<control::admin_json> reload_after_edit(const known_models& known, const daemon_place& place,
                                                     const std::map<std::string, std::string>& environment) {
    if (known.status.is_null()) {
        return std::nullopt;
    }
    control::admin_question question = question_of("reload", {});
    question.body["allow_empty"] = known.files.models.size() <= 1;  // it may have been the last
    const auto answer = control::ask_daemon(sockets_of(place, environment), question, reload_limit);
    return std::make_optional(answer ? *answer : control::admin_refusal(answer.error().message));
}

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
