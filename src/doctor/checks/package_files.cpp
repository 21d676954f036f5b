// The files that a model's variables name. Before a start only those that the service's own templates name:
// a tokenizer does not wait for a layer file.

#include <algorithm>
#include <array>

#include "corral/catalog/placeholders.hpp"
#include "corral/package/package_check.hpp"
#include "corral/package/package_seal.hpp"
#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array package_files_kinds{
    finding_kind{"file.*", severity::error, "a file of the package is not what the model needs",
                 "the runtime would not start, or would fail at the first prompt",
                 "fetch the file again; the finding names the command"},
    finding_kind{"layers.*", severity::error, "the numbered layer files don't match the model",
                 "the runtime would start anyway and crash at the first prompt",
                 "fetch the missing files, or correct the number of layers"},
    finding_kind{"script.*", severity::error, "the tokenizer script is not usable here",
                 "without its tokenizer the runtime does not start", "install what it needs"},
    finding_kind{"config.*", severity::error, "a settings file of the runtime is missing or wrong",
                 "the runtime exits at its start, or runs without the settings", "fetch the file again"},
    finding_kind{"variable.*", severity::error, "a variable of the model is implausible",
                 "the runtime would start with nonsensical arguments", "correct it in [models.variables]"},
    finding_kind{"path.outside", severity::warning, "a path leads out of the package",
                 "files elsewhere are not checked, and may change independently of the package",
                 "name a file in the package, or give an absolute path"},
    finding_kind{"path.*", severity::error, "a path is invalid, or a broken link",
                 "no file can be found there", "name a file in the package"},
    finding_kind{"tree.*", severity::warning, "part of the package is not checked", "its content is unknown",
                 "check whether it belongs there"},
    finding_kind{"package.*", severity::error,
                 "the package folder can't be used, or its download is incomplete",
                 "some or all files of the model can't be found", "check the model's 'package'"},
};

// Only what the service's templates name; the values stay, for one file's size may follow from another's
// variable.
catalog::model_entry part_for(const model_view& model) {
    catalog::model_entry out = model.entry;
    auto& known = out.runtime.variables;
    const auto unnamed = [&model](const catalog::variable_spec& one) {
        return std::ranges::none_of(model.services, [&one](const service_view& service) {
            return catalog::mentions(service.rules, one.name);
        });
    };
    known.erase(std::remove_if(known.begin(), known.end(), unnamed), known.end());
    // What is read without being named is the last service's, the runtime's.
    const auto& all = out.runtime.services;
    const bool has_runtime = !all.empty() && std::ranges::any_of(model.services, [&all](const auto& one) {
        return one.rules.name == all.back().name;
    });
    if (!has_runtime) {
        out.runtime.files.clear();
    }
    return out;
}

void check_package_files(const examination& box, findings& out) {
    for (const model_view& model : box.models) {
        if (model.entry.package.empty()) {
            continue;  // it runs on another server, or the configuration forgets the folder
        }
        for (catalog::finding& found : package::check_package(part_for(model), box.around.machine)) {
            // A path inside of the package says too little among several models.
            found.subject = subject_of(model);
            // An import refuses it, for the package is a stranger's; a model that is configured is its
            // owner's word, and its files may well lie on another disk.
            if (found.id == "path.outside") {
                found.level = severity::warning;
            }
            out.push_back(std::move(found));
        }
        for (catalog::finding& found : package::check_seal(model.entry)) {
            found.subject = subject_of(model);
            out.push_back(std::move(found));
        }
    }
}

}  // namespace

const check package_files_check{
    "package-files", "the files of each package: present, complete, of the right size, for this machine",
    start_part::files, package_files_kinds, check_package_files};

}  // namespace corral::doctor
