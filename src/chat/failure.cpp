#include "corral/chat/failure.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace corral::chat {

const char* name_of(failure_kind kind) noexcept {
    switch (kind) {
        case failure_kind::bad_request:
            return "bad-request";
        case failure_kind::context_too_long:
            return "context-too-long";
        case failure_kind::unsupported:
            return "unsupported";
        case failure_kind::format_unmet:
            return "format-unmet";
        case failure_kind::model_not_found:
            return "model-not-found";
        case failure_kind::queue_full:
            return "queue-full";
        case failure_kind::unavailable:
            return "unavailable";
        case failure_kind::timed_out:
            return "timed-out";
        case failure_kind::runtime_failed:
            return "runtime-failed";
        case failure_kind::shutting_down:
            return "shutting-down";
        case failure_kind::cancelled:
            return "cancelled";
        case failure_kind::internal:
            break;
    }
    return "internal";
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
