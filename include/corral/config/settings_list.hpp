#pragma once
// What counts of each key of the configuration, with the place of each value, for a person's eyes.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "corral/config/configuration.hpp"

namespace corral::config {

enum class setting_origin { file, environment, builtin };

struct setting {
    std::string key;         // "pull.directory", "models[0].name"
    std::string value;       // as TOML has it; what may be a secret is left out
    std::string file;        // that sets it, or could
    std::uint32_t line = 0;  // 0: nothing sets it there
    setting_origin origin = setting_origin::file;
};

// Of the configuration file and the manifests of `models`, 10,000 at most: what each file sets, then what it leaves to
// the environment and to the defaults. A file that can't be read has one row, whose value says why. Blocking.
[[nodiscard]] std::vector<setting> list_settings(const configuration_source& source,
                                                 const std::filesystem::path& models);

}  // namespace corral::config
