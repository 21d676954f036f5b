// How an answer that is not wanted any more is brought to its end, so that the next one finds the server
// empty.

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/http/client.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/group_availability.hpp"
#include "engine/streaming/cancel_policy.hpp"
#include "engine/streaming/idle_answer.hpp"
#include "engine/streaming/stream_run.hpp"

namespace corral::engine::streaming {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds next_stop_pause = 100ms;
constexpr core::nanoseconds idle_pause = 50ms;
constexpr core::nanoseconds end_of_framing = 200ms;  // behind the last event
constexpr core::nanoseconds usual_notice =
    1s;  // of a client that has left: at the next token, or piece of a prompt

}  // namespace

// What it was busy with, after an answer that failed or an `unwanted` one.
core::reason stream_run::busy_with(const run_state& now, core::reason unwanted) {
    return now.failure ? core::say("runtime.hung/broke-off") : std::move(unwanted);
}

core::awaitable<void> stream_run::settle(run_state& now) {
    if (!now.pump) {
        co_return;
    }
    const bool lost = parts_.lost(now.began).has_value();
    // An answer that came to its end leaves nothing; neither does a process that has gone.
    if (!lost && !now.done && !now.restart_cause && now.inside) {
        const settled how = co_await bring_to_end(now);
        const auto gone = parts_.lost(now.began);
        if (gone && gone->died) {
            now.loss = {run_loss::how::died, !alone(now), gone->why.message};
        } else if (!gone && how == settled::goes_on) {
            now.restart_why = supervisor::restart_reason::cancel;
            now.restart_cause = busy_with(now, core::say("runtime.hung/unwanted"));
        } else if (!gone && how == settled::hung) {
            now.restart_cause = busy_with(now, core::say("runtime.hung/unwanted-still"));
            hung(now, *now.restart_cause);
        }
    }
    if (now.done && !lost && !now.restart_cause) {
        now.pump->let_end(core::deadline::after(end_of_framing, clock_now()));
    } else {
        now.pump->abandon();
    }
}

// In the way of this server.
core::awaitable<stream_run::settled> stream_run::bring_to_end(run_state& now) {
    using catalog::cancel_method;
    const cancel_method how = parts_.traits.cancel;
    if (how == cancel_method::restart) {
        co_return settled::goes_on;
    }
    const core::deadline until = core::deadline::after(parts_.clocks.scrub, clock_now());
    if (how == cancel_method::disconnect) {
        now.pump->abandon();
        co_return co_await comes_to_idle(now, until);
    }
    const settled read = co_await read_to_end(now, until);
    if (read != settled::ended) {
        co_return read;
    }
    co_return co_await comes_to_idle(now, until);
}

// One that says something works; one that has been silent for as long as a wanted answer may be, is hung.
core::awaitable<stream_run::settled> stream_run::read_to_end(run_state& now, core::deadline until) {
    const bool can_be_asked = parts_.traits.cancel == catalog::cancel_method::call;
    core::steady_time heard = now.text.any() ? now.last_text : now.progress.generate_accepted;
    core::nanoseconds may_be_silent = patience(now);
    bool heard_since = !now.text.any();  // a prompt may be read for long without a word
    const auto own_until = own_end(now);
    core::steady_time next_stop = clock_now();
    while (!now.pump->ended()) {
        const core::steady_time at = clock_now();
        if (parts_.lost(now.began)) {
            co_return settled::goes_on;
        }
        const core::nanoseconds late = parts_.learned->late.total() - now.late_then;
        const core::deadline quiet = core::deadline::after(may_be_silent + late, heard);
        if (quiet.passed(at)) {
            co_return settled::hung;
        }
        unwanted_answer answer{.left = until.left(at), .alone = runs() == 1};
        if (own_until && *own_until > at) {
            answer.own = *own_until - at;
        }
        if (parts_.usual_load) {
            answer.load = parts_.usual_load();
        }
        if (until.passed(at) || (!can_be_asked && replaces(answer))) {
            co_return heard_since || !until.passed(at) ? settled::goes_on : settled::hung;
        }
        clears_at_ = core::later(at, until_free(answer));
        if (can_be_asked && at >= next_stop) {
            co_await ask_to_stop(now, until);
            next_stop = core::later(clock_now(), next_stop_pause);
        }
        if (now.pump->has_bytes()) {
            (void)now.pump->take();
            heard = clock_now();
            heard_since = true;
            may_be_silent = parts_.learned->decode.limit();
            now.late_then = parts_.learned->late.total();
            continue;
        }
        if (now.pump->ended()) {
            break;
        }
        core::deadline next = until.sooner(quiet);
        if (can_be_asked) {
            next = next.sooner(core::deadline{next_stop});
        } else if (answer.own) {
            next = next.sooner(core::deadline{*own_until});
        }
        co_await now.control->bell().wait(next);
    }
    if (now.pump->trouble()) {
        // The report of a death comes a moment after the broken line.
        const core::deadline notice = core::deadline::after(notice_of_death, clock_now());
        while (!notice.passed(clock_now()) && !parts_.lost(now.began)) {
            co_await now.control->bell().wait(notice);
        }
        co_return settled::hung;
    }
    co_return settled::ended;
}

// It may come too early to be heeded, so it is repeated.
core::awaitable<void> stream_run::ask_to_stop(const run_state& now, core::deadline until) {
    http::stream_call stop;
    stop.to = parts_.at();
    stop.method = "GET";
    stop.target = parts_.traits.cancel_target;
    stop.until = core::deadline::after(parts_.clocks.call, clock_now()).sooner(until);
    const auto stopped = co_await http::reply_stream::open(std::move(stop));
    if (!stopped) {
        telemetry::log().debug("run {}: stop failed: {}", now.what.id, stopped.error().message);
    }
}

// When a server that keeps the limit itself is through at its pace so far, twice over.
std::optional<core::steady_time> stream_run::own_end(const run_state& now) const {
    const std::uint32_t made = now.text.tokens();
    if (parts_.traits.max_tokens.empty() || !now.what.max_tokens || made == 0) {
        return std::nullopt;
    }
    const core::nanoseconds pace = (now.last_text - now.progress.generate_accepted) / made;
    const std::uint32_t left = *now.what.max_tokens - std::min(made, *now.what.max_tokens);
    return core::later(clock_now(), 2 * pace * (left + 1));
}

// Where the server can be asked, and no other run is in it; otherwise it is believed.
core::awaitable<stream_run::settled> stream_run::comes_to_idle(const run_state& now, core::deadline until) {
    if (parts_.traits.idle.target.empty() || parts_.capacity > 1) {
        co_return settled::ended;
    }
    settled otherwise = settled::hung;
    const core::steady_time begin = clock_now();
    while (!until.passed(clock_now()) && !parts_.lost(now.began)) {
        http::client_call ask;
        ask.to = parts_.at();
        ask.target = parts_.traits.idle.target;
        ask.until = core::deadline::after(parts_.clocks.call, clock_now()).sooner(until);
        const auto answer = co_await http::call(std::move(ask));
        if (answer && answer->status == 200) {
            otherwise = settled::goes_on;
            if (says_idle(parts_.traits.idle, answer->body)) {
                co_return settled::ended;
            }
            // Half of the wait at most is lost: either it is idle within the time of a load, or a new process is.
            const auto load = parts_.usual_load ? parts_.usual_load() : std::nullopt;
            if (load && runs() == 1 && clock_now() - begin > std::max(*load, usual_notice)) {
                co_return settled::goes_on;
            }
        }
        const core::deadline again = core::deadline::after(idle_pause, clock_now());
        co_await now.control->bell().wait(again.sooner(until));
    }
    co_return otherwise;
}

}  // namespace corral::engine::streaming
