// How an answer that nobody wants any more is brought to its end, so that the next one finds the server
// empty.

#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/http/client.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/streaming/idle_answer.hpp"
#include "engine/streaming/stream_run.hpp"

namespace corral::engine::streaming {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds next_stop_pause = 100ms;
constexpr core::nanoseconds idle_pause = 50ms;

core::steady_time after(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

}  // namespace

core::awaitable<void> stream_run::settle(run_state& now) {
    if (!now.pump) {
        co_return;
    }
    const bool lost = parts_.lost(now.began).has_value();
    // An answer that came to its end leaves nothing; neither does a process that has gone.
    if (!lost && !now.done && !now.restart_cause && now.inside) {
        const bool ended = co_await bring_to_end(now);
        if (!ended && !parts_.lost(now.began)) {
            now.restart_cause = now.failure
                                    ? "The runtime broke off an answer and may still be at work on it."
                                    : "The runtime did not end an answer that nobody wanted any more.";
        }
    }
    now.pump->abandon();
}

// What is not wanted any more is brought to its end in the way of this server; false: it is not known to be.
core::awaitable<bool> stream_run::bring_to_end(run_state& now) {
    using catalog::cancel_method;
    const cancel_method how = parts_.traits.cancel;
    if (how == cancel_method::restart) {
        co_return false;
    }
    const core::deadline until = core::deadline::after(parts_.clocks.scrub, clock_now());
    if (how == cancel_method::disconnect) {
        now.pump->abandon();
        co_return co_await comes_to_idle(now, until);
    }
    core::steady_time next_stop = clock_now();
    while (!now.pump->ended()) {
        if (until.passed(clock_now()) || parts_.lost(now.began)) {
            co_return false;
        }
        if (how == cancel_method::call && clock_now() >= next_stop) {
            // It may come too early to be heeded, so it is repeated.
            http::stream_call stop;
            stop.to = parts_.at();
            stop.method = "GET";
            stop.target = parts_.traits.cancel_target;
            stop.until = core::deadline::after(parts_.clocks.call, clock_now()).sooner(until);
            const auto stopped = co_await http::reply_stream::open(std::move(stop));
            if (!stopped) {
                telemetry::log().debug("run {}: stop failed: {}", now.what.id, stopped.error().message);
            }
            next_stop = after(clock_now(), next_stop_pause);
        }
        if (now.pump->has_bytes()) {
            (void)now.pump->take();
            continue;
        }
        if (now.pump->ended()) {
            break;
        }
        using core::asio::experimental::awaitable_operators::operator||;
        const core::deadline next =
            how == cancel_method::call ? until.sooner(core::deadline{next_stop}) : until;
        co_await (now.pump->bell().wait(next) || bell_.wait(next));
    }
    if (now.pump->trouble()) {
        co_return false;
    }
    co_return co_await comes_to_idle(now, until);
}

// Where the server can be asked, and nobody else is in it; otherwise it is believed.
core::awaitable<bool> stream_run::comes_to_idle(const run_state& now, core::deadline until) {
    if (parts_.traits.idle.target.empty() || parts_.capacity > 1) {
        co_return true;
    }
    while (!until.passed(clock_now()) && !parts_.lost(now.began)) {
        http::client_call ask;
        ask.to = parts_.at();
        ask.target = parts_.traits.idle.target;
        ask.until = core::deadline::after(parts_.clocks.call, clock_now()).sooner(until);
        const auto answer = co_await http::call(std::move(ask));
        if (answer && answer->status == 200 && says_idle(parts_.traits.idle, answer->body)) {
            co_return true;
        }
        const core::deadline again = core::deadline::after(idle_pause, clock_now());
        co_await bell_.wait(again.sooner(until));
    }
    co_return false;
}

}  // namespace corral::engine::streaming
