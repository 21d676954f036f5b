#pragma once
// The models of a box for people and programs: what the configuration and its manifests say, and beside it
// what a running daemon makes of it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/base/daemon_place.hpp"
#include "cli/base/terminal.hpp"
#include "corral/config/configuration.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

// What a command that is about models knows: the files, and the daemon's word where one runs.
struct known_models {
    std::filesystem::path file;   // the configuration
    config::configuration files;  // empty where they can't be read
    bool readable = true;
    std::vector<std::string> errors;  // else why not, a line each
    control::admin_json status;       // null: no daemon answers
    std::string silent;               // why
};

// Why the daemon leaves that manifest out, by its status; empty: it doesn't.
[[nodiscard]] std::string left_out_there(const control::admin_json& status, const std::string& manifest);

// Of the configuration that was said, else of the one that the running daemon uses, else of the usual places.
[[nodiscard]] known_models look_for_models(const daemon_place& place,
                                           const std::map<std::string, std::string>& environment);
// Says that the files can't be read, and why; the exit status for it.
[[nodiscard]] int fail_to_read(const known_models& known);

struct listed_model {
    std::string name;   // of a manifest that is left out the file's, where its model's is not known
    std::string state;  // as the daemon has it, "left out", "new" (before a reload); empty: not known
    // Name and state of each of its sets of processes, where it has several.
    std::vector<std::pair<std::string, std::string>> instances;
    double running = 0;  // requests, as the daemon has them
    double waiting = 0;
    std::optional<double> unload_seconds;  // until it is unloaded when idle; nothing: it stays
    std::vector<std::string> aliases;
    std::vector<std::string> also;  // all other names of its processes, as the daemon has them
    std::uint64_t size_bytes = 0;
    std::string profile;
    std::string package;
    std::string source;
    std::string note;  // what is odd about it, one sentence; may be empty
};

// Whether the processes of `served`, a model of status_json(), serve this name: its own, or one started alike.
[[nodiscard]] bool serves(const nlohmann::ordered_json& served, const std::string& name);

// Of the files, in their order, then those that only the daemon still has. `status`: of status_json(), of the
// daemon that reads these files; null: none runs.
[[nodiscard]] std::vector<listed_model> list_models(const config::configuration& files,
                                                    const nlohmann::ordered_json& status);

[[nodiscard]] nlohmann::ordered_json listing_json(const std::vector<listed_model>& models);
// A table with a head; notes below it.
[[nodiscard]] std::string listing_text(const std::vector<listed_model>& models, const text_style& style);

// The table of `ollama ps`, of the answer of /api/ps `running`, and behind it state and queue of `models`; those that
// are not in that answer, as while they stop, come last. Of names that begin with `prefix`.
[[nodiscard]] std::string loaded_text(const std::vector<listed_model>& models,
                                      const nlohmann::ordered_json& running, const std::string& prefix,
                                      core::wall_time now, const text_style& style);

// The same for programs; null where that answer does not have a model.
[[nodiscard]] nlohmann::ordered_json loaded_json(const std::vector<listed_model>& models,
                                                 const nlohmann::ordered_json& running);

// Why there is no model `typed`, with the nearest name that there is.
[[nodiscard]] core::reason no_such_model(const config::configuration& files, const std::string& typed);

// "3.9 GB", as Ollama writes sizes; "-" of 0.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace corral::cli
