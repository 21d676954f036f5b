#include "cli/packages/import_plan.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "corral/catalog/profile_reader.hpp"
#include "corral/chat/family.hpp"
#include "corral/config/configuration_model.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_reader.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/pull/catalogue.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

void add(import_plan& to, severity level, const core::reason& what, std::optional<std::string> why = {},
         std::optional<std::string> fix = {}) {
    to.findings.push_back(catalog::finding_of(level, what, {}, std::move(why), std::move(fix)));
}

}  // namespace

// Read leniently: 'corral check' is the one to complain.
std::vector<fs::path> profile_folders(const config::configuration_place& place) {
    const fs::path base = place.file.parent_path();
    std::vector<fs::path> out;
    catalog::issue_list ignored(place.file.string());
    const auto tree = place.there ? catalog::parse_toml_file(place.file, ignored) : std::nullopt;
    const auto* const named = tree ? tree->get_as<toml::array>("profiles") : nullptr;
    for (std::size_t i = 0; named != nullptr && i < named->size(); ++i) {
        if (const auto folder = (*named)[i].value<std::string>()) {
            out.push_back((base / *folder).lexically_normal());
        }
    }
    for (fs::path& one : config::usual_profile_folders(base)) {
        out.push_back(std::move(one));
    }
    return out;
}

namespace {

// Profiles as the readers ask for them; what is wrong with one is reported once.
class profile_shelf {
public:
    profile_shelf(fs::path base, std::vector<fs::path> folders, import_plan& tell)
        : base_(std::move(base)), folders_(std::move(folders)), tell_(tell) {}

    const catalog::profile* find(const std::string& name) {
        const auto [entry, fresh] = known_.try_emplace(name);
        const auto file = fresh ? config::find_profile_file(name, base_, folders_) : std::nullopt;
        if (file) {
            auto reading = catalog::read_profile(*file);
            entry->second = std::move(reading.value);
            for (const catalog::diagnostic& wrong : reading.errors) {
                add(tell_, severity::error, core::say("profile.mistake", catalog::to_text(wrong)));
            }
        }
        return entry->second ? &*entry->second : nullptr;
    }
    [[nodiscard]] const std::vector<fs::path>& folders() const noexcept { return folders_; }

private:
    fs::path base_;
    std::vector<fs::path> folders_;
    import_plan& tell_;
    std::map<std::string, std::optional<catalog::profile>> known_;
};

// What the family can do and the package allows.
void set_capabilities(package::reading& of) {
    catalog::model_entry& model = *of.model;
    if (of.origins.contains("capabilities")) {
        return;  // the package says it
    }
    const auto* const family = chat::find_family(model.family);
    if (family == nullptr || !of.origins.contains("family")) {
        return;
    }
    if (family->tools != chat::tool_style::none) {
        model.capabilities.emplace_back("tools");
    }
    if (family->thinks && !model.package_forbids_thinking) {
        model.capabilities.emplace_back("thinking");
    }
    of.origins["capabilities"] = "the family";
}

// The manifest as the daemon will read it, so that what is checked is what is served.
catalog::model_entry read_back(import_plan& plan, const config::configuration_source& source,
                               const profile_shelf& shelf) {
    catalog::issue_list errors(plan.file.string());
    catalog::issue_list warnings(plan.file.string());
    catalog::model_entry out;
    if (const auto tree = catalog::parse_toml_text(plan.text, errors)) {
        config::configuration_reading with{
            source, plan.file.parent_path(), shelf.folders(), errors, warnings, {}, {}};
        out = config::read_model(catalog::section(*tree, "the manifest", errors), with);
    }
    for (const catalog::diagnostic& wrong : errors.take()) {
        add(plan, severity::error, core::say("manifest.incomplete", wrong.message), {},
            core::say("manifest.incomplete/set", plan.file));
    }
    out.said_at.clear();  // nobody has seen that file yet
    return out;
}

// That a file is missing is not said again of one that a reader has found at fault.
void add_checks(import_plan& plan, std::vector<catalog::finding> found) {
    std::vector<std::string> faulty;
    for (const catalog::finding& one : plan.findings) {
        if (!one.subject.empty() && one.level == severity::error) {
            faulty.push_back(one.subject);
        }
    }
    for (catalog::finding& one : found) {
        const bool said = std::ranges::find(plan.findings, one) != plan.findings.end();
        const bool missing =
            one.id == "file.missing" || one.id == "file.other-spelling" || one.id == "config.missing";
        const bool known = missing && std::ranges::any_of(faulty, [&](const std::string& file) {
                               return one.subject == file || one.subject == "./" + file;
                           });
        if (!said && !known) {
            plan.findings.push_back(std::move(one));
        }
    }
}

// False when something stands where the manifest would.
bool check_place(import_plan& plan, const import_request& request,
                 const config::configuration_source& source) {
    std::error_code unreadable;  // then the write will say why
    if (fs::exists(fs::symlink_status(plan.file, unreadable)) && !request.replace) {
        add(plan, severity::error, core::say("import.there", plan.file), {},
            core::say("import.there/replace"));
        return false;
    }
    const auto configured = config::load_configuration(source);
    const auto* const twin = configured.value ? config::find_model(*configured.value, plan.model) : nullptr;
    if (twin == nullptr || twin->source == plan.file) {
        return true;
    }
    add(plan, severity::error,
        twin->source.empty() ? core::say("import.name-taken", twin->name)
                             : core::say("import.name-taken/in", twin->name, twin->source));
    return false;
}

// What must be repaired first comes first: files that never came, damaged ones, programs of another machine, Python.
int rank_of(const std::string& id) {
    const auto is_one = [&](const auto& all) { return std::ranges::find(all, id) != all.end(); };
    constexpr std::array<std::string_view, 4> never_there{"package.missing", "file.lfs-pointer",
                                                          "file.missing", "layers.none"};
    constexpr std::array<std::string_view, 8> not_downloaded{"layers.missing",
                                                             "file.html",
                                                             "file.hub-error",
                                                             "file.json-instead",
                                                             "file.text-instead",
                                                             "file.empty",
                                                             "package.no-server-program",
                                                             "path.broken-link"};
    if (is_one(never_there)) {
        return 0;
    }
    if (is_one(not_downloaded)) {
        return 1;
    }
    if (id.starts_with("file.") || id.starts_with("layers.") || id.starts_with("json.")) {
        return 2;
    }
    return id.starts_with("program.") ? 3 : id.starts_with("script.") ? 4 : 5;
}

void sort_findings(import_plan& plan) {
    std::ranges::stable_sort(plan.findings, [](const auto& a, const auto& b) {
        return a.level != b.level ? a.level > b.level : rank_of(a.id) < rank_of(b.id);
    });
}

// True when it is done.
bool repair_file(const fs::path& file, bool dry_run) {
    std::error_code failed;
    if (!dry_run) {
        fs::permissions(file, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                        fs::perm_options::add, failed);
    }
    return !failed;
}

void repair_environment(package::reading& read, const package::repair& with) {
    for (catalog::service_template& service : read.model->runtime.services) {
        if (service.name == with.service) {
            std::string& value = service.environment[with.name];
            value = value.empty() ? with.value : with.value + ":" + value;
        }
    }
}

// Modules that a script needs, installed where Corral's own words tell a person to.
bool repair_python(import_plan& plan, package::reading& read, const import_request& request,
                   const package::repair& one, const fs::path& beside) {
    const std::string modules = core::joined(one.install);
    const auto folder = environment_folder(fs::absolute(beside) / "python");
    const std::string where = one.variable.empty() ? one.python : folder.string();
    if (request.dry_run) {
        plan.repaired.push_back("'" + where + "' would get the Python packages " + modules);
        return true;
    }
    if (request.tell) {
        request.tell("installing " + modules + " in '" + where + "', which may take minutes");
    }
    const auto python = install_modules(one, folder);
    if (!python) {
        add(plan, severity::error, core::say("import.not-mended", python.error()),
            core::say("import.not-mended/why-python"));
        return false;
    }
    if (!one.variable.empty()) {
        read.model->variables[one.variable] = *python;
    }
    plan.repaired.push_back("'" + where + "' has got the Python packages " + modules);
    return true;
}

// What --fix may do; the package is to be looked at again where something was done.
bool repair(import_plan& plan, package::reading& read, const import_request& request,
            const std::vector<package::repair>& repairs, const fs::path& beside) {
    bool done = false;
    for (const package::repair& one : repairs) {
        if (!request.repair || (!one.install.empty() && !request.install)) {
            plan.repairable.push_back(one.finding);
        } else if (!one.install.empty()) {
            done = repair_python(plan, read, request, one, beside) || done;
        } else if (!one.variable.empty()) {
            read.model->variables[one.variable] = one.value;
            plan.repaired.push_back("the model's " + one.variable + " is " + one.value);
            done = true;
        } else if (one.file.empty()) {
            repair_environment(read, one);
            plan.repaired.push_back("service " + one.service + " gets " + one.name + " = \"" + one.value +
                                    "\"");
            done = true;
        } else if (repair_file(one.file, request.dry_run)) {
            plan.repaired.push_back("'" + one.file.string() + "' " +
                                    (request.dry_run ? "would get" : "has got") + " its execute bit");
            done = true;
        } else {
            add(plan, severity::error, core::say("import.not-mended/bit", one.file),
                core::say("import.not-mended/why-bit"),
                core::say("import.not-mended/do-bit", package::shell_word(one.file.string())));
        }
    }
    return done;
}

// As the other system finds its files: `text` without the folder that they lie below here.
std::string without_root(std::string text, const fs::path& root) {
    const std::string below = root.string() + "/";
    for (auto at = text.find(below); at != std::string::npos; at = text.find(below, at + 1)) {
        text.replace(at, below.size(), "/");
    }
    return text;
}

// The manifest for the other system.
void move_manifest(import_plan& plan, const import_request& request) {
    if (!request.root.empty()) {
        plan.text = without_root(std::move(plan.text), request.root);
        catalog::issue_list ignored(plan.file.string());
        const auto tree = catalog::parse_toml_text(plan.text, ignored);
        const auto package = tree ? tree->get_as<std::string>("package") : nullptr;
        if (package == nullptr || **package != without_root(plan.package.string(), request.root)) {
            add(plan, severity::error, core::say("import.folder-name/root"), "",
                core::say("import.folder-name/do-root"));
            plan.writable = false;
        }
    }
    add(plan, severity::note,
        request.root.empty() ? core::say("import.elsewhere") : core::say("import.elsewhere/modules"));
}

bool has_error(const import_plan& plan) {
    return std::ranges::any_of(plan.findings, [](const auto& one) { return one.level == severity::error; });
}

void plan_manifest(import_plan& plan, package::reading& read, const import_request& request,
                   const config::configuration_place& place, const config::configuration_source& source,
                   const package::machine& here, profile_shelf& shelf) {
    const catalog::profile* const runtime = shelf.find(read.profile);
    if (runtime == nullptr) {
        return;  // no reader makes a model without one
    }
    set_capabilities(read);
    plan.model = read.model->name;
    plan.file = place.models / config::manifest_file_name(plan.model);
    plan.text = package::manifest_text(read, *runtime);
    const std::size_t earlier = plan.findings.size();
    catalog::model_entry model = read_back(plan, source, shelf);
    if (model.package != read.model->package) {
        add(plan, severity::error, core::say("import.folder-name"));
        return;
    }
    package::package_examination seen = package::examine_package(model, here);
    if (repair(plan, read, request, seen.repairs, place.models.parent_path()) && !request.dry_run) {
        plan.findings.resize(earlier);
        plan.text = package::manifest_text(read, *runtime);
        model = read_back(plan, source, shelf);
        seen = package::examine_package(model, here);
    } else if (!plan.repaired.empty()) {
        plan.text = package::manifest_text(read, *runtime);
    }
    plan.groups = std::move(seen.groups);
    plan.files = std::move(seen.files);
    add_checks(plan, std::move(seen.findings));
    plan.startable = !has_error(plan);
    plan.writable = check_place(plan, request, source);
    if (request.elsewhere) {
        move_manifest(plan, request);
    }
}

// The model of the catalogue for this box whose package lies in a folder of that name; empty: there is none.
std::string name_in_catalogue(const fs::path& package, const config::configuration_place& place,
                              const package::machine& machine) {
    const auto read = pull::read_catalogue(pull::catalogue_folders(place.file.parent_path()));
    const pull::box here = pull::look_at_box(machine, machine.root);
    for (const pull::catalogue_model& model : read.value.models) {
        const pull::choice found = pull::choose(model, here);
        if (found.package != nullptr && core::equal_ignoring_case(pull::folder_name(found.package->source),
                                                                  package.filename().string())) {
            return model.name;
        }
    }
    return {};
}

// A clone gets its large files by git; any other folder of pointers is fetched anew, where it is known from where.
void offer_pull(import_plan& plan, const config::configuration_place& place,
                const package::machine& machine) {
    constexpr std::string_view by_git = " lfs pull";
    const auto pointers = std::ranges::find(plan.findings, "file.lfs-pointer", &catalog::finding::id);
    if (pointers == plan.findings.end() || pointers->fix.ends_with(by_git)) {
        return;
    }
    plan.pull = name_in_catalogue(plan.package, place, machine);
    if (!plan.pull.empty()) {
        pointers->fix = "Run: corral pull " + plan.pull;
    }
}

}  // namespace

import_plan plan_import(const import_request& request, const config::configuration_place& place,
                        const config::configuration_source& source, const package::machine& here) {
    import_plan plan;
    plan.package = request.package;
    plan.findings = request.known;
    if (has_error(plan)) {
        if (!request.elsewhere) {
            offer_pull(plan, place, here);
        }
        sort_findings(plan);
        return plan;
    }
    profile_shelf shelf(place.file.parent_path(), profile_folders(place), plan);
    package::read_options how;
    how.name = request.name;
    how.profile = request.profile;
    how.profiles = [&shelf](const std::string& name) { return shelf.find(name); };
    package::reading read = package::read_package(request.package, here, how);
    plan.kind = read.kind;
    plan.profile = read.profile;
    plan.findings.insert(plan.findings.end(), read.findings.begin(), read.findings.end());
    if (read.model) {
        plan_manifest(plan, read, request, place, source, here, shelf);
    } else {
        for (const std::string& note : read.notes) {
            add(plan, severity::note, core::say("package.note", note + "."), "", "");
        }
    }
    if (!request.elsewhere) {
        offer_pull(plan, place, here);
    }
    sort_findings(plan);
    return plan;
}

}  // namespace corral::cli
