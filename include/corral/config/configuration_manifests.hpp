#pragma once
// The folder of manifests: one file for each model, with the keys of a [[models]] table at its top level.

#include <filesystem>
#include <string>
#include <vector>

#include "corral/config/configuration_model.hpp"

namespace corral::config {

// Reads `models_directory`; without the key models.d in the folder of the configuration.
void read_models_directory(catalog::section& root, const std::filesystem::path& base, configuration& to,
                           catalog::issue_list& warnings);

// Warns where `said`, the folder of `key`, means the home folder to its writer: no shell has read it.
void warn_of_tilde(const catalog::section& root, const std::string& key, const std::string& said,
                   catalog::issue_list& warnings);

// Warns where a folder that a key names is not there, or is none.
void warn_of_absent(const toml::source_region& where, const std::string& key,
                    const std::filesystem::path& folder, catalog::issue_list& warnings);

// Every *.toml of `to.models_directory` in the order of their names; hidden files and editors' copies are
// passed over, at most 1,000 are read. Relative paths of a manifest start at its own folder.
// One that can't be read (a folder, a link whose target is gone), with a mistake, or with a name that is taken (the configuration's own models first, then those of
// earlier files), goes to `left_out`, and all others to `models`.
void read_manifests(configuration& to, configuration_reading& context);

// Whose models may be left out.
enum class left_out_of { manifests, everything };

// Moves the model of that name to `left_out`, `why` being what is wrong; false, and nothing moved, when there is none
// or it is the configuration's own and `only` manifests' may be.
[[nodiscard]] bool leave_out(configuration& from, const std::string& name, core::reason why,
                             left_out_of only = left_out_of::manifests);

// For people: what is wrong with it, and what follows. At least two lines.
[[nodiscard]] std::vector<std::string> left_out_lines(const left_out_manifest& of);

// Complains where a model can't be beside those of `so_far`: its name or an alias is taken, or a port is.
void check_beside(catalog::section& table, const catalog::model_entry& model, const configuration& so_far);

}  // namespace corral::config
