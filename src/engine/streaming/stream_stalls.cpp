// What ends a run early, told apart and named; and how long silence may last.
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/supervisor/learned_clock.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/streaming/stream_run.hpp"

namespace corral::engine::streaming {

namespace {

using namespace std::chrono_literals;

// A broken connection comes before the report of the process's end.
constexpr core::nanoseconds notice_of_death = 2s;

}  // namespace

stream_run::verdict stream_run::fail(run_state& now, chat::failure_kind kind, const char* cause,
                                     std::string message, bool retryable) {
    now.failure =
        run_failure{.kind = kind, .cause = cause, .message = std::move(message), .retryable = retryable};
    return verdict::failed;
}

stream_run::early stream_run::interrupted(run_state& now) const {
    if (now.control->cancelled()) {
        return verdict::cancelled;
    }
    if (auto lost = parts_.lost(now.began)) {
        lost->blames_request = lost->blames_request && now.inside;
        now.failure = std::move(*lost);
        return verdict::failed;
    }
    if (now.what.until.passed(clock_now())) {
        return fail(now, chat::failure_kind::timed_out, "deadline", "The request took longer than it may.",
                    false);
    }
    return std::nullopt;
}

core::deadline stream_run::silence_limit(const run_state& now) const {
    if (now.text.any()) {
        return core::deadline::after(parts_.clocks.decode_stall, now.last_text);
    }
    const std::uint32_t tokens =
        estimated_tokens(now.what.prompt.system) + estimated_tokens(now.what.prompt.turns);
    return core::deadline::after(parts_.clocks.prefill_base + parts_.clocks.prefill_per_token * tokens,
                                 now.progress.generate_accepted);
}

stream_run::early stream_run::stalled(run_state& now) const {
    const core::deadline limit = silence_limit(now);
    if (!limit.passed(clock_now())) {
        return std::nullopt;
    }
    const bool decoding = now.text.any();
    const core::steady_time since = decoding ? now.last_text : now.progress.generate_accepted;
    std::string said = decoding ? "The runtime stopped in the middle of an answer, after about " +
                                      std::to_string(now.text.tokens()) + " tokens."
                                : std::string("The runtime did not begin an answer.");
    said += " No text came for " + supervisor::seconds_text(clock_now() - since) + ".";
    now.restart_cause = said;
    return fail(now, chat::failure_kind::runtime_failed, decoding ? "decode-stalled" : "prefill-stalled",
                said + " It is being restarted.", true);
}

core::awaitable<stream_run::verdict> stream_run::call_failed(run_state& now, core::failure why) {
    const core::deadline patience = core::deadline::after(notice_of_death, clock_now());
    while (!patience.passed(clock_now())) {
        if (const early end = interrupted(now)) {
            co_return *end;
        }
        co_await rest(now, patience);
    }
    telemetry::log().warn("run {}: {}", now.what.id, why.message);
    co_return fail(now, chat::failure_kind::runtime_failed, "call-failed",
                   "The runtime did not answer whole.", true);
}

core::awaitable<void> stream_run::rest(run_state& now, core::deadline until) {
    using core::asio::experimental::awaitable_operators::operator||;
    const core::deadline next = until.sooner(now.what.until);
    if (now.pump) {
        co_await (bell_.wait(next) || now.control->bell().wait(next) || now.pump->bell().wait(next));
    } else {
        co_await (bell_.wait(next) || now.control->bell().wait(next));
    }
}

void stream_run::note_usage(run_state& now) const {
    if (now.progress.usage.exact) {
        return;
    }
    now.progress.usage.prompt_tokens =
        estimated_tokens(now.what.prompt.system) + estimated_tokens(now.what.prompt.turns);
    now.progress.usage.generated_tokens = now.text.tokens();
}

}  // namespace corral::engine::streaming
