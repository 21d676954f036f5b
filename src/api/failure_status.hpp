#pragma once
// The one table from kinds of failure to HTTP statuses; wire formats add only their own shape and words.

#include "corral/chat/generation_event.hpp"

namespace corral::api {

[[nodiscard]] unsigned status_of(chat::failure_kind kind) noexcept;

// Stable word for logs: "queue-full".
[[nodiscard]] const char* name_of(chat::failure_kind kind) noexcept;

}  // namespace corral::api
