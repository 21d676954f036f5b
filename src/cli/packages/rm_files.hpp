#pragma once
// Which files of pulls belong to which model, and the question before they are removed.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/status/model_listing.hpp"
#include "corral/config/configuration.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

// The package of one model, brought by a pull and used by no other.
struct pulled_files {
    std::filesystem::path directory;  // of [pull]
    std::string folder;               // in it
    std::uint64_t bytes = 0;
    [[nodiscard]] std::filesystem::path path() const { return directory / folder; }
};

// Fails with a sentence where the files of that model are not to be removed.
[[nodiscard]] core::result<pulled_files> find_pulled_files(const known_models& known,
                                                           const std::string& model);

// Names of the models, fallbacks included, whose package is in that folder below `directory` of [pull].
[[nodiscard]] std::vector<std::string> users_of(const config::configuration& files,
                                                const std::string& folder);

}  // namespace corral::cli
