#pragma once
// Who may ask and how the talk is protected: [access] and [tls].

#include <filesystem>
#include <optional>
#include <vector>

#include "corral/config/configuration_model.hpp"

namespace corral::config {

// Reads both tables, and the files they name, so that what is wrong with those is reported before anything
// starts. `errors` takes the complaints about the files' own lines, and where the source waits for credentials all about
// those files.
void read_access(catalog::section& root, configuration& to, const std::filesystem::path& base,
                 catalog::issue_list& warnings, std::vector<catalog::diagnostic>& errors,
                 const configuration_source& source);

// Where one of the files is closed to this user, who serves, also the command that opens it.
[[nodiscard]] core::reason with_way_in(core::reason why, const std::vector<std::filesystem::path>& files);

// The keys file that a configuration names, whatever else is wrong with either; for commands that make it.
[[nodiscard]] std::optional<std::filesystem::path> configured_keys_file(const std::filesystem::path& config);

}  // namespace corral::config
