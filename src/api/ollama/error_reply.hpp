#pragma once
// Errors in Ollama's shape: {"error":"text"} (docs/facts/ollama_wire.md#errors).

#include <string>
#include <string_view>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_event.hpp"
#include "corral/http/message.hpp"

namespace corral::api::ollama {

inline constexpr const char* json_type = "application/json; charset=utf-8";
inline constexpr const char* stream_error_type =
    "application/json";  // an error that is the first event of a stream, and progress in one piece

[[nodiscard]] std::string error_body(std::string_view text);

[[nodiscard]] http::response error_response(unsigned status, std::string_view text,
                                            std::string content_type = json_type);
// Of a route that says nothing when all is well: 200 without a body then.
[[nodiscard]] http::response bare_response(const decode_problem& problem);
// `typed` is the model as the client wrote it.
[[nodiscard]] http::response error_response(const chat::failed_event& why, std::string_view typed,
                                            std::string content_type);

}  // namespace corral::api::ollama
