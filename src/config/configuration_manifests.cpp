#include "corral/config/configuration_manifests.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_manifests = 1000;
constexpr std::size_t most_meant = 8;

struct folder_listing {
    std::set<std::string> names;  // the first ones
    bool more = false;
    std::set<std::string> meant;  // the first ones that have nearly such a name
    core::reason problem;
};

// By its name alone: what can't be read, such as a link whose disk is not mounted, is left out and not gone.
bool is_manifest(std::string_view name) {
    return !name.starts_with('.') && !name.starts_with('#') && name.ends_with(".toml");
}

// As other systems' editors and file managers write it.
bool is_nearly_manifest(std::string_view name) {
    const std::string lower = core::lower_case(name);
    return !is_manifest(name) && (is_manifest(lower) || (lower.ends_with(".txt") &&
                                                         is_manifest(lower.substr(0, lower.size() - 4))));
}

void keep_first(std::set<std::string>& names, std::string name, std::size_t most, bool& more) {
    names.insert(std::move(name));
    if (names.size() > most) {
        names.erase(std::prev(names.end()));
        more = true;
    }
}

folder_listing list_manifests(const fs::path& folder) {
    folder_listing out;
    std::error_code error;
    if (!fs::exists(folder, error) && !error) {
        return out;
    }
    for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
        std::string name = at->path().filename().string();
        if (is_manifest(name)) {
            keep_first(out.names, std::move(name), most_manifests, out.more);
        } else if (is_nearly_manifest(name)) {
            bool unsaid = false;
            keep_first(out.meant, std::move(name), most_meant, unsaid);
        }
    }
    if (error) {
        out.problem = core::say("configuration.unreadable/folder", error);
    }
    return out;
}

// The one of `so_far` that has that name already, or nullptr.
const catalog::model_entry* owner_of(const std::string& name, const configuration& so_far) {
    return find_model(so_far, name);
}

std::string where_said(const catalog::model_entry& model) {
    return model.source.empty() ? std::string() : " in " + model.source.string();
}

void check_names(catalog::section& table, const catalog::model_entry& model, const configuration& so_far) {
    if (const auto* twin = owner_of(model.name, so_far)) {
        const bool by_name = catalog::same_model(twin->name, model.name);
        table.complain(
            table.place("name"),
            by_name ? core::say("configuration.twice/model", twin->name, where_said(*twin))
                    : core::say("configuration.twice/already", model.name, twin->name, where_said(*twin)));
    }
    for (std::size_t i = 0; i < model.aliases.size(); ++i) {
        if (const auto* other = owner_of(model.aliases[i], so_far)) {
            table.complain(table.place("aliases", i), core::say("configuration.twice/name", model.aliases[i],
                                                                other->name, where_said(*other)));
        }
    }
}

void check_own_ports(catalog::section& table, const catalog::model_entry& model,
                     std::map<std::uint16_t, std::string>& taken) {
    for (const auto& service : model.runtime.services) {
        if (service.port == 0 || catalog::port_is_moved(model.runtime, service)) {
            continue;
        }
        const auto [twin, fresh] =
            taken.emplace(service.port, "service '" + service.name + "' of the same model");
        if (!fresh) {
            table.complain(table.place(), core::say("configuration.port-twice/service", service.name,
                                                    model.name, service.port, twin->second));
        }
    }
}

// The vendor's server would even share its port with a second one and mix both up
// (docs/facts/vendor_ax.md#port).
void check_ports(catalog::section& table, const catalog::model_entry& model, const configuration& so_far) {
    std::map<std::uint16_t, std::string> taken{{so_far.listen.port(), "'listen'"}};
    const auto tiers_of = [](const catalog::model_entry& one) {
        std::vector<const catalog::model_entry*> out{&one};
        for (const catalog::model_entry& fallback : one.fallbacks) {
            out.push_back(&fallback);
        }
        return out;
    };
    for (const auto& other : so_far.models) {
        for (const catalog::model_entry* const tier : tiers_of(other)) {
            for (const auto& service : tier->runtime.services) {
                if (!catalog::port_is_moved(tier->runtime, service)) {
                    taken.emplace(service.port,
                                  "service '" + service.name + "' of model '" + other.name + "'");
                }
            }
        }
    }
    for (const catalog::model_entry* const tier : tiers_of(model)) {
        check_own_ports(table, *tier, taken);
    }
}

void append(std::vector<catalog::diagnostic>& to, std::vector<catalog::diagnostic> more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Mistakes and warnings are the manifest's own; what was read of profiles is shared.
void read_manifest(const fs::path& file, configuration& to, configuration_reading& context) {
    catalog::issue_list errors(file.string(), context.from.defaults);
    catalog::issue_list warnings(file.string());
    left_out_manifest out{file, {}, {}};
    if (const auto tree = catalog::parse_toml_file(file, errors)) {
        configuration_reading own{context.from,
                                  file.parent_path(),
                                  context.profiles,
                                  errors,
                                  warnings,
                                  std::move(context.read_profiles),
                                  {}};
        own.files_folder = context.files_folder;
        catalog::section root(*tree, "the manifest", errors);
        catalog::model_entry model = read_model(root, own);
        context.read_profiles = std::move(own.read_profiles);
        out.problems = std::move(own.profile_errors);
        out.name = model.name;
        model.source = file;
        if (errors.empty() && out.problems.empty() && model.runtime.name.empty()) {
            errors.add(root.place("profile"), core::say("configuration.profile-mistake", "file"));
        }
        check_beside(root, model, to);
        if (errors.empty() && out.problems.empty()) {
            to.models.push_back(std::move(model));
        }
    }
    append(out.problems, errors.take());
    append(context.manifest_warnings, warnings.take());
    if (!out.problems.empty()) {
        to.left_out.push_back(std::move(out));
    }
}

}  // namespace

bool leave_out(configuration& from, const std::string& name, core::reason why, left_out_of only) {
    const auto found = std::find_if(from.models.begin(), from.models.end(),
                                    [&](const catalog::model_entry& one) { return one.name == name; });
    if (found == from.models.end() ||
        (only == left_out_of::manifests && found->source.parent_path() != from.models_directory)) {
        return false;
    }
    from.left_out.push_back({found->source, found->name, {{found->source.string(), 0, 0, std::move(why)}}});
    from.models.erase(found);
    return true;
}

std::vector<std::string> left_out_lines(const left_out_manifest& of) {
    std::vector<std::string> out;
    for (const catalog::diagnostic& problem : of.problems) {
        out.push_back(catalog::to_text(problem));
    }
    out.push_back(of.name.empty() ? core::say("configuration.left-out/file", of.file)
                                  : core::say("configuration.left-out/model", of.file, of.name));
    return out;
}

void read_models_directory(catalog::section& root, const fs::path& base, configuration& to,
                           catalog::issue_list& warnings) {
    std::string folder = "models.d";
    root.text("models_directory", folder);
    warn_of_tilde(root, "models_directory", folder, warnings);
    const fs::path said = (base / (folder.empty() ? "models.d" : folder)).lexically_normal();
    to.models_directory = said.has_filename() ? said : said.parent_path();
    if (root.has("models_directory")) {
        warn_of_absent(root.place("models_directory"), "models_directory", to.models_directory, warnings);
    }
}

void warn_of_absent(const toml::source_region& where, const std::string& key, const fs::path& folder,
                    catalog::issue_list& warnings) {
    std::error_code error;  // then it is there, and whoever reads it says why it can't be read
    if (!fs::exists(folder, error) && !error) {
        warnings.add(where, core::say("configuration.passed-over/folder", key, folder));
    } else if (!error && !fs::is_directory(folder, error) && !error) {
        warnings.add(where, core::say("configuration.passed-over/no-folder", key, folder));
    }
}

void warn_of_tilde(const catalog::section& root, const std::string& key, const std::string& said,
                   catalog::issue_list& warnings) {
    if (said.starts_with('~')) {
        warnings.add(root.place(key), core::say("configuration.passed-over/tilde", key));
    }
}

void check_beside(catalog::section& table, const catalog::model_entry& model, const configuration& so_far) {
    check_names(table, model, so_far);
    check_ports(table, model, so_far);
}

void read_manifests(configuration& to, configuration_reading& context) {
    const folder_listing found = list_manifests(to.models_directory);
    for (const std::string& name : found.names) {
        read_manifest(to.models_directory / name, to, context);
    }
    if (found.more) {
        context.manifest_warnings.push_back(
            {to.models_directory.string(), 0, 0,
             core::say("configuration.manifests", most_manifests, *found.names.rbegin())});
    }
    for (const std::string& name : found.meant) {
        context.manifest_warnings.push_back(
            {(to.models_directory / name).string(), 0, 0, core::say("configuration.passed-over/file")});
    }
    if (!found.problem.empty()) {
        to.left_out.push_back(
            {to.models_directory, {}, {{to.models_directory.string(), 0, 0, found.problem}}});
    }
}

}  // namespace corral::config
