#pragma once
// What lists and show say of a model, in their common shape (docs/facts/ollama_wire.md#listings).

#include <string>

#include "api/json/json_writer.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api::ollama {

// "details":{...}; with `lengths` also what is known of the context.
void write_details(json_writer& json, const generation::served_model& model, bool lengths);

// 64 lower-case hex digits, whatever the manifest has: the command line client cuts it without looking.
[[nodiscard]] std::string shown_digest(const generation::served_model& model);

// A model as text: its parameters and its Modelfile, as POST /api/show gives them
// (docs/facts/ollama_wire.md#listings).

// What of it a model really has; a variant's own words come before those of the model below it.
[[nodiscard]] std::string system_of(const generation::served_model& model);
[[nodiscard]] std::string template_of(const generation::served_model& model);

// One `key value` a line, the key padded to 30 columns, texts in quotes; a list is a line for each.
[[nodiscard]] std::string parameter_lines(const generation::served_model& model);

// What `ollama show --modelfile` prints.
[[nodiscard]] std::string modelfile_text(const generation::served_model& model);

}  // namespace corral::api::ollama
