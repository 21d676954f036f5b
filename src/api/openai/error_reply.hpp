#pragma once
// Errors in OpenAI's envelope, as Ollama fills it (docs/facts/ollama_wire.md#errors).

#include <string>
#include <string_view>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_event.hpp"
#include "corral/core/random_source.hpp"
#include "corral/http/message.hpp"

namespace corral::api::openai {

inline constexpr const char* reply_type = "application/json";

// {"error":{…}} without a newline, as a stream carries it.
[[nodiscard]] std::string error_object(unsigned status, std::string_view text);

// A request that does not even reach the handler: bad JSON, or fields that can't be converted. Ollama writes
// these with another content type and without the final newline.
[[nodiscard]] http::response rejection(const decode_problem& why);

[[nodiscard]] http::response error_response(unsigned status, std::string_view text);
// `typed` is the model as the client wrote it.
[[nodiscard]] http::response error_response(const chat::failed_event& why, std::string_view typed);

// wire_format::refuse
[[nodiscard]] http::response refuse(unsigned status, std::string_view text, core::random_source& random);

}  // namespace corral::api::openai
