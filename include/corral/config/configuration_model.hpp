#pragma once
// One [[models]] table, or manifest, and what its readers share while a file is read.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

struct configuration_reading {
    const configuration_source& from;
    std::filesystem::path base;                   // the file's folder; relative paths start here
    std::vector<std::filesystem::path> profiles;  // folders to look for profiles in, in order
    catalog::issue_list& errors;
    catalog::issue_list& warnings;
    std::map<std::filesystem::path, std::optional<catalog::profile>> read_profiles;  // nothing: it has errors
    std::vector<catalog::diagnostic> profile_errors;  // of the profiles' own files
    std::vector<catalog::diagnostic> manifest_warnings{};
    std::filesystem::path files_folder{};  // for rendered files of services; empty: there is none
};

// Reads one [[models]] table; appends to `profile_errors` and the issue lists what is wrong with it.
[[nodiscard]] catalog::model_entry read_model(catalog::section table, configuration_reading& context);

}  // namespace corral::config
