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

bool tells_why(const failure& why) noexcept {
    constexpr std::array<std::string_view, 4> in_its_own_words{"generate-refused", "runtime-error",
                                                               "remote-failed", "remote-busy"};
    const bool of_the_runtime = why.kind == failure_kind::unavailable ||
                                why.kind == failure_kind::runtime_failed ||
                                why.kind == failure_kind::timed_out;
    return of_the_runtime &&
           std::find(in_its_own_words.begin(), in_its_own_words.end(), why.cause) == in_its_own_words.end();
}

}  // namespace corral::chat
