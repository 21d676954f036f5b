#include "supervisor/service/log_words_policy.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace corral::supervisor {

namespace {

// Without the failure that led to a start: the line before it has said that. What the card says now is new.
std::string again(const core::reason& reason) {
    const core::reason& last = reason.led_to().back();
    return "loading again" + (last.id() == reason.id() ? "; " + last.text() : std::string());
}

}  // namespace

std::string log_words(const service_status& before, const service_status& now, core::steady_time at) {
    if (now.reason.id() == "service.loading-again") {
        return again(now.reason);
    }
    const bool logged = !now.reason.empty() && now.reason == before.reason;
    if (logged && now.state == service_state::waiting && now.next_try) {
        const auto left = std::chrono::duration<double>(*now.next_try - at).count();
        return fmt::format("tried again in {:.1f} s", std::max(left, 0.0));
    }
    return with_advice(now.reason, now.advice);
}

}  // namespace corral::supervisor
