#pragma once
// What `corral import` finds out before it writes anything. Reads; runs nothing of the package.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/config/configuration.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/core/result.hpp"
#include "corral/package/machine.hpp"
#include "corral/package/package_check.hpp"

namespace corral::cli {

// A Python environment for a package's script: made with venv, filled by pip.

// Where it is made: for the box where `own` is part of the system's configuration, else in `own`.
// REQUIRES: `own` is absolute, and not the root.
[[nodiscard]] std::filesystem::path environment_folder(const std::filesystem::path& own);

// Does what `wanted` says; the Python to use then. Blocks for minutes: pip fetches from the network, or from where
// PIP_INDEX_URL, PIP_NO_INDEX and PIP_FIND_LINKS say.
[[nodiscard]] core::result<std::string> install_modules(const package::repair& wanted,
                                                        const std::filesystem::path& folder);

// Of what venv or pip printed: the line that says why it failed.
[[nodiscard]] std::string telling_line(std::string_view output);
// Nothing could be fetched, as on a box without a way to the network.
[[nodiscard]] bool is_offline(std::string_view output);

struct import_request {
    std::filesystem::path package;
    std::optional<std::string> name;
    std::optional<std::string> profile;
    bool replace = false;  // a manifest that is there
    bool repair =
        false;  // what needs no person: execute bits, variables and Python packages of the environment
    // With `repair`: Python packages too, by pip, which fetches programs from the network.
    bool install = false;
    bool dry_run = false;    // then no file is touched
    bool elsewhere = false;  // for another system than this one
    // Of that system, where its files lie below a folder of this one; empty: they have the same paths.
    std::filesystem::path root{};
    std::function<void(const std::string&)> tell{};  // what takes long, before it is begun; may be empty
    std::vector<catalog::finding> known{};  // of the package, from before; an error: it is not to be imported
};

struct import_plan {
    std::filesystem::path package;                          // its folder, absolute
    std::string kind;                                       // of package; empty: not recognised
    std::string profile;                                    // that serves it
    std::string model;                                      // its name; empty: nothing can be written
    std::string text;                                       // of the manifest
    std::filesystem::path file;                             // where it would be written
    bool writable = false;                                  // nothing keeps it from being written
    bool startable = false;                                 // nothing that is known keeps it from starting
    std::vector<catalog::finding> findings;                 // worst first
    std::vector<package::file_group> groups;                // how the files stand
    std::map<std::string, std::vector<std::string>> files;  // all that a finding is about, by its id
    std::vector<std::string> repaired;                      // a sentence each
    std::vector<std::string> repairable;                    // ids of findings that --fix would repair
    std::string pull;  // the catalogue's name of it, where large files are missing that a pull brings
};

// Where profiles are looked for: `profiles` of the configuration, then the usual folders.
[[nodiscard]] std::vector<std::filesystem::path> profile_folders(const config::configuration_place& place);

// `source` is the configuration that the model will be part of; it may have mistakes.
[[nodiscard]] import_plan plan_import(const import_request& request, const config::configuration_place& place,
                                      const config::configuration_source& source,
                                      const package::machine& here);

}  // namespace corral::cli
