#pragma once
// The models of a box for people and programs: what the configuration and its manifests say, and beside it
// what a running daemon makes of it. No I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/config/configuration.hpp"
#include "terminal.hpp"

namespace corral::cli {

struct listed_model {
    std::string name;   // of a manifest that is left out the file's, where its model's is not known
    std::string state;  // as the daemon has it, "left out", "new" (before a reload); empty: not known
    std::vector<std::string> aliases;
    std::uint64_t size_bytes = 0;
    std::string profile;
    std::string package;
    std::string source;
    std::string note;  // what is odd about it, one sentence; may be empty
};

// Of the files, in their order, then those that only the daemon still has. `status`: of status_json(), of the
// daemon that reads these files; null: none runs.
[[nodiscard]] std::vector<listed_model> list_models(const config::configuration& files,
                                                    const nlohmann::ordered_json& status);

[[nodiscard]] nlohmann::ordered_json listing_json(const std::vector<listed_model>& models);
// A table with a head; notes below it.
[[nodiscard]] std::string listing_text(const std::vector<listed_model>& models, const text_style& style);

// Why there is no model `typed`, with the nearest name that there is.
[[nodiscard]] std::string no_such_model(const config::configuration& files, const std::string& typed);

// "3.9 GB", as Ollama writes sizes; "-" of 0.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace corral::cli
