#pragma once
// What the configuration's files set, with the place of each value, for a person's eyes.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace corral::config {

struct setting {
    std::string key;    // "pull.directory", "models[0].name"
    std::string value;  // as TOML has it; what may be a secret is left out
    std::string file;
    std::uint32_t line = 0;
};

// Of the configuration file and the manifests of `models`, 10,000 at most; a file that can't be read has one row, whose
// value says why. Blocking.
[[nodiscard]] std::vector<setting> list_settings(const std::filesystem::path& file,
                                                 const std::filesystem::path& models);

}  // namespace corral::config
