#pragma once
// From a vendor's folder to a model: recognises what kind of package it is and reads what its own files say
// (vendor_ax.md §12). Reads only: nothing of the package is run, and nothing is followed out of it.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "corral/catalog/finding.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/package/machine.hpp"

namespace corral::package {

struct read_options {
    std::optional<std::string> name;     // as typed; else made from the package
    std::optional<std::string> profile;  // of that profile, even if another fits better
};

struct reading {
    std::string kind;  // of package, for people: "Axera package for the polling server"; empty: not known
    // What a manifest would say, its runtime not resolved but for `runtime.name`; nothing: no profile of ours
    // serves this kind, or too much is missing, and `findings` say what.
    std::optional<catalog::model_entry> model;
    std::vector<std::string> arguments;  // added to the command of the last service, as the package's script
    // has them: "--devices", "0"
    std::vector<std::string> notes;  // where each value came from, for the manifest's comments
    std::vector<catalog::finding> findings;
};

// Never throws; whatever is in `folder` gives findings at worst. At most 20,000 entries, 8 folders deep.
[[nodiscard]] reading read_package(const std::filesystem::path& folder, const machine& here,
                                   const read_options& how);

}  // namespace corral::package
