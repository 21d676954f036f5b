#include "api/wait_ready.hpp"

#include <utility>

namespace corral::api {

namespace {

chat::failed_event not_ready(chat::failure_kind kind, std::string cause, std::string message) {
    chat::failed_event out;
    out.kind = kind;
    out.cause = std::move(cause);
    out.message = std::move(message);
    out.retryable = true;
    return out;
}

}  // namespace

core::awaitable<std::optional<chat::failed_event>> wait_ready(engine::backend& runtime,
                                                              scheduler::scheduler& admission,
                                                              core::nanoseconds longest) {
    const core::deadline until = core::deadline::after(longest, std::chrono::steady_clock::now());
    const scheduler::model_hold stays = admission.hold(runtime.model().name);
    while (true) {
        if (admission.refuses_new()) {
            co_return not_ready(chat::failure_kind::shutting_down, "shutting-down",
                                "the server is shutting down");
        }
        const engine::availability now = runtime.available();
        if (now.state == engine::availability_state::ready) {
            co_return std::nullopt;
        }
        if (now.state == engine::availability_state::broken) {
            co_return not_ready(chat::failure_kind::unavailable, "backend-broken", now.reason);
        }
        const core::wake_reason reason = co_await runtime.availability_changed().wait(until);
        if (reason == core::wake_reason::timed_out) {
            co_return not_ready(chat::failure_kind::timed_out, "load-deadline",
                                "the model did not become ready in time");
        }
        if (reason == core::wake_reason::cancelled) {
            co_return not_ready(chat::failure_kind::cancelled, "cancelled", "the client has gone");
        }
    }
}

}  // namespace corral::api
