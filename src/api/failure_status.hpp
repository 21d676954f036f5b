#pragma once
// The one table from kinds of failure to HTTP statuses; wire formats add only their own shape and words.

#include <string>
#include <string_view>

#include "corral/chat/generation_event.hpp"

namespace corral::api {

[[nodiscard]] unsigned status_of(chat::failure_kind kind) noexcept;

// Stable word for logs: "queue-full".
[[nodiscard]] const char* name_of(chat::failure_kind kind) noexcept;

// The message of such a failure is about the runtime and our own state, and holds nothing of a request, so
// the log may have it.
[[nodiscard]] bool tells_why(chat::failure_kind kind) noexcept;

// The words for the client; `typed` is the model as the client wrote it.
[[nodiscard]] std::string failure_text(const chat::failed_event& why, std::string_view typed);

}  // namespace corral::api
