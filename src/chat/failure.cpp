#include "corral/chat/failure.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace corral::chat {

namespace {

// In the order of the kinds.
constexpr std::array names{"bad-request",     "context-too-long", "unsupported", "format-unmet",
                           "model-not-found", "queue-full",       "unavailable", "timed-out",
                           "runtime-failed",  "shutting-down",    "cancelled",   "internal"};
static_assert(names.size() == static_cast<std::size_t>(failure_kind::internal) + 1);

}  // namespace

const char* name_of(failure_kind kind) noexcept {
    return names[static_cast<std::size_t>(kind)];
}

// Closed unless it is known: a cause that is not here keeps its words to the client.
bool tells_why(const failure& why) noexcept {
    constexpr std::array<std::string_view, 40> in_our_own_words{
        "answer-failed",
        "answer-too-long",
        "backend-broken",
        "call-failed",
        "call-silent",
        "deadline",
        "decode-stalled",
        "empty-answer",
        "error-as-text",
        "foreign-stop",
        "foreign-text",
        "generate-swallowed",
        "load-deadline",
        "model-changed",
        "model-removed",
        "model-stopped",
        "mute",
        "no-room",
        "not-ready",
        "poisonous",
        "prefill-stalled",
        "protocol",
        "queue-deadline",
        "remote-away",
        "remote-garbled",
        "remote-lost",
        "remote-silent",
        "reset-refused",
        "reset-stalled",
        "reset-swallowed",
        "runtime-died",
        "runtime-hung",
        "runtime-stuck",
        "stopping",
        "tokenizer-died",
        "tokenizer-refused",
        "tokenizer-unavailable",
        "vectors-unusable",
        "request-deadline",
        "tokenizer-foreign-ids",
    };
    const bool of_the_runtime = why.kind == failure_kind::unavailable ||
                                why.kind == failure_kind::runtime_failed ||
                                why.kind == failure_kind::timed_out;
    return of_the_runtime &&
           std::find(in_our_own_words.begin(), in_our_own_words.end(), why.cause) != in_our_own_words.end();
}

}  // namespace corral::chat
