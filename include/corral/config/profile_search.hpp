#pragma once
// Where profiles are: of the configuration, and of commands that look at packages.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace corral::config {

// Where profiles are looked for when nobody names a folder; `base` is the configuration's own.
[[nodiscard]] std::vector<std::filesystem::path> usual_profile_folders(const std::filesystem::path& base);

// The first of `folders` that has it; a name with '/' is the file itself, relative to `base`.
[[nodiscard]] std::optional<std::filesystem::path> find_profile_file(
    const std::string& name, const std::filesystem::path& base,
    const std::vector<std::filesystem::path>& folders);

// Every profile that is there, sorted, 100 at most of each folder.
[[nodiscard]] std::vector<std::string> installed_profiles(const std::vector<std::filesystem::path>& folders);

}  // namespace corral::config
