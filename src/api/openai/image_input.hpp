#pragma once
// Images inside a request: only their form is judged, for no runtime here sees
// (docs/facts/ollama_wire.md#openai-chat-request).

#include <string_view>

#include "api/json/json_fields.hpp"

namespace corral::api::openai {

// A `data:` URL with base64 of a known image type, else the problem.
void check_image(std::string_view url, decode_problem& problem);

}  // namespace corral::api::openai
