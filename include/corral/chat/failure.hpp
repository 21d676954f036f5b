#pragma once
// Why a request failed, from the scheduler and the runtime up to the client.

#include <optional>
#include <string>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"

namespace corral::core {
class known_outcome;  // core/say.hpp
}

namespace corral::chat {

// Why a request failed; each wire format maps these to its own statuses in one table.
enum class failure_kind {
    bad_request,       // the request can't be carried out as it stands
    context_too_long,  // one turn alone exceeds the context, or shortening was forbidden
    unsupported,       // this runtime can't do it
    format_unmet,      // the model did not keep to the wanted format, however often it was asked
    model_not_found,
    queue_full,   // retry_after is set
    unavailable,  // loading or broken
    timed_out,
    runtime_failed,  // died, hung or answered nonsense
    shutting_down,
    cancelled,  // the client went away; this has no reader
    internal,
};

struct failure {
    failure_kind kind = failure_kind::internal;
    core::reason message;  // for the client; its wording says what it failed of, more closely than the kind
    std::optional<core::seconds> retry_after{};
    bool retryable = false;  // the same request may do better
};

// Stable word for logs and monitoring: "queue-full".
[[nodiscard]] const char* name_of(failure_kind kind) noexcept;
// By the outcome of its wording, "tokenizer-died", or else by its kind: the name in logs, metrics and bundles.
[[nodiscard]] std::string name_of(const failure& why);
// Whether its wording has that outcome.
[[nodiscard]] bool is(const failure& why, core::known_outcome what) noexcept;

// The message is about the runtime and our own state, and holds nothing of a request, so the log may have it. A
// runtime that refuses or gives up may do so in the words of the prompt.
[[nodiscard]] bool tells_why(const failure& why) noexcept;

}  // namespace corral::chat
