#include "corral/chat/failure.hpp"

#include <array>
#include <cstddef>

#include "corral/core/say.hpp"

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

std::string name_of(const failure& why) {
    const std::string_view outcome = why.message.outcome().outcome;
    return outcome.empty() ? name_of(why.kind) : std::string(outcome);
}

bool is(const failure& why, core::known_outcome what) noexcept {
    return why.message.outcome().outcome == what.name();
}

// Closed unless it is known: words of no table may be anybody's.
bool tells_why(const failure& why) noexcept {
    const bool of_the_runtime = why.kind == failure_kind::unavailable ||
                                why.kind == failure_kind::runtime_failed ||
                                why.kind == failure_kind::timed_out;
    const core::wording said = why.message.outcome();
    return of_the_runtime && !said.outcome.empty() && !said.quotes;
}

}  // namespace corral::chat
