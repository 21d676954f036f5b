#pragma once
// The manifest of a model, for commands that change it.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/base/daemon_place.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/config/configuration.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

struct model_manifest {
    std::string name;
    std::filesystem::path file;
    std::string problem;  // why it is not to be changed; then nothing else counts
};

// What to say where the model has no manifest of its own.
struct manifest_use {
    const char* command;  // such as "rm"
    const char* by_hand;  // what to do with the table, such as "take its [[models]] table out"
};

// Of a model by its name, of one that is left out also by its file's name. An alias is none.
[[nodiscard]] model_manifest find_manifest(const known_models& known, const std::string& typed,
                                           const manifest_use& use);

// Has the running daemon read its configuration again, at most 150 s long; nothing where none runs.
[[nodiscard]] std::optional<control::admin_json> reload_after_edit(
    const known_models& known, const daemon_place& place,
    const std::map<std::string, std::string>& environment);

// Which files of pulls belong to which model, and the question before they are removed.

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
