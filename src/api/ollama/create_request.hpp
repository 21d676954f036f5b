#pragma once
// What POST /api/create asks for (docs/facts/ollama_wire.md#management): a name for a model with texts and
// parameters of the client's own.

#include <string>

#include "api/json/json_fields.hpp"
#include "api/ollama/message_reader.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api::ollama {

struct create_request {
    std::string model;
    std::string from;
    std::string system;
    std::string prompt_template;
    std::string license;
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();
    chat_messages messages;
    std::string unsupported;  // a member that would make a model out of files: its name
    bool stream = true;
};

[[nodiscard]] create_request read_create(std::string_view body, decode_problem& problem);

// `asked` over what `base` has: texts and messages replace, parameters replace by name. Wrong parameters are
// a problem, and so is a template that can't be read.
[[nodiscard]] generation::model_variant content_of(create_request asked, const generation::served_model& base,
                                                   decode_problem& problem);

}  // namespace corral::api::ollama
