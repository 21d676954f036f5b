#pragma once
// Errors in Anthropic's envelope (docs/facts/ollama_wire.md#errors, #anthropic).

#include <string>
#include <string_view>

#include "corral/chat/generation_event.hpp"
#include "corral/core/random_source.hpp"
#include "corral/http/message.hpp"

namespace corral::api::anthropic {

inline constexpr const char* reply_type = "application/json";

// The request itself is at fault, found before any model was looked at: status 400, and the other content
// type.
[[nodiscard]] http::response invalid_request(std::string_view message, core::random_source& random);

[[nodiscard]] http::response error_response(unsigned status, std::string_view message,
                                            core::random_source& random);
// `typed` is the model as the client wrote it.
[[nodiscard]] http::response error_response(const chat::failed_event& why, std::string_view typed,
                                            core::random_source& random);

// The data of an `error` event within a stream.
[[nodiscard]] std::string error_event_data(const chat::failed_event& why, std::string_view typed);

}  // namespace corral::api::anthropic
