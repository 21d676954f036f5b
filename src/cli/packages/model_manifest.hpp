#pragma once
// The manifest of a model, for commands that change it.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "cli/base/daemon_place.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/control/admin_json.hpp"

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

}  // namespace corral::cli
