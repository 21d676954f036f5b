#pragma once
// Words for the kinds of failure, for the log and for monitoring.

#include "corral/chat/generation_event.hpp"

namespace corral::chat {

// Stable word: "queue-full".
[[nodiscard]] const char* name_of(failure_kind kind) noexcept;

// The message of such a failure is about the runtime and our own state, and holds nothing of a request, so
// the log may have it.
[[nodiscard]] bool tells_why(failure_kind kind) noexcept;

}  // namespace corral::chat
