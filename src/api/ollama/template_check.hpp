#pragma once
// Whether a prompt template that a client gives can be used at all.

#include <string>

#include "api/json/json_fields.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api::ollama {

// A broken one is the problem, with the parser's words and `status`. An empty one is all right.
void check_template(const generation::served_model& model, const std::string& text, unsigned status,
                    decode_problem& problem);

}  // namespace corral::api::ollama
