#pragma once
// Of models what Ollama's own command line prints, from what the server answers to it: its users and their scripts
// read these columns and sections (docs/facts/ollama_wire.md#listings). No I/O.

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/shown_model.hpp"

namespace corral::cli {

// The head of `ollama ps`.
inline const std::vector<std::string> running_head{"NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"};

// A row for each model of an answer of /api/ps.
[[nodiscard]] std::vector<std::vector<std::string>> running_rows(const nlohmann::ordered_json& answer,
                                                                 core::wall_time now);

// What programs read of one of its models: as there, and "processor" as that row has it.
[[nodiscard]] nlohmann::ordered_json running_facts(const nlohmann::ordered_json& model);

// "Model", "Capabilities" and so on of an answer of /api/show, a section each; `metadata`: also all that the model's
// file says, and its tensors.
[[nodiscard]] std::string shown_sections(const nlohmann::ordered_json& answer, bool metadata,
                                         const text_style& style);

// An answer of /api/show, as far as the model's manifest and its file (null: there is none) have it.
[[nodiscard]] nlohmann::ordered_json shown_by_files(const catalog::model_entry& model,
                                                    const std::shared_ptr<const engine::file_facts>& file);

}  // namespace corral::cli
