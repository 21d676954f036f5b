#include "engine/dialects/ax_poll/cycle_runner.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr int most_attempts = 3;
constexpr core::nanoseconds stop_interval = 20ms;
constexpr core::nanoseconds mend_limit = 20s;
constexpr std::size_t most_output_kept = std::size_t{64} * 1024;
constexpr std::string_view encode_failed_line = "]: encode failed";
constexpr std::string_view reset_failed_line = "]: reset failed, status";
constexpr std::string_view reset_begun_line = "GenerateKVCachePrefill][";  // docs/facts/vendor_ax.md#reset

core::steady_time plus(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

}  // namespace

chat::rendered_prompt without_reset(chat::rendered_prompt prompt) {
    if (!prompt.verbatim) {
        prompt.turns = streaming::single_message(prompt);
        prompt.system.clear();
    }
    return prompt;
}

cycle_runner::cycle_runner(cycle_parts parts)
    : parts_(std::move(parts)),
      bell_(parts_.on),
      freed_(parts_.on),
      idle_(parts_.clocks.idle_grace),
      schedule_(parts_.poll_interval) {
    on_new_process();
}

void cycle_runner::on_new_process() {
    // Nothing was sent to it yet, so two empty polls are proof enough.
    idle_.on_call(clock_now());
    idle_.on_begun(clock_now());
    suspect_ = false;
    bell_.ring();
}

void cycle_runner::on_output(std::string_view bytes) {
    if (listens_for_failure_ && output_before_text_.size() < most_output_kept) {
        output_before_text_ += bytes.substr(0, most_output_kept - output_before_text_.size());
    }
    if (!following_ || (tapped() && parts_.tap->view().pieces_answered <= pieces_seen_)) {
        return;  // with the tap, only an answered piece can be followed by text
    }
    schedule_.on_sign(clock_now());
    bell_.ring();
}

void cycle_runner::on_tap_event() {
    if (following_) {
        const std::uint32_t answered = parts_.tap->view().pieces_answered;
        if (parts_.tap->tokens().final_seen() && !final_heard_) {
            final_heard_ = true;
            schedule_.on_ending(clock_now());
        } else if (answered != answers_heard_ && parts_.tap->view().calls_open <= 1) {
            schedule_.on_answered(clock_now());
        }
        answers_heard_ = answered;
    }
    bell_.ring();
}

bool cycle_runner::encode_failed_in_output() const {
    return output_before_text_.find(encode_failed_line) != std::string::npos;
}

bool cycle_runner::reset_failed_in_output() const {
    return output_before_text_.find(reset_failed_line) != std::string::npos;
}

bool cycle_runner::reset_begun_in_output(const run_state& now) const {
    return output_before_text_.find(reset_begun_line) != std::string::npos &&
           now.what.prompt.system.find(reset_begun_line) == std::string::npos;
}

bool cycle_runner::runs_something_else() const {
    return tapped() && parts_.tap->view().pieces_answered > 0 && !parts_.tap->view().run_begun;
}

core::awaitable<bool> cycle_runner::take_turn(core::deadline until) {
    while (busy_) {
        const core::wake_reason why = co_await freed_.wait(until);
        if (why != core::wake_reason::rung && busy_) {
            co_return false;
        }
    }
    busy_ = true;
    co_return true;
}

void cycle_runner::end_turn() {
    busy_ = false;
    freed_.ring();
}

core::awaitable<void> cycle_runner::rest(run_control* control, core::steady_time when) {
    using namespace core::asio::experimental::awaitable_operators;
    const core::deadline until{when};
    const core::steady_time due = std::max(when, clock_now());
    if (control == nullptr) {
        co_await bell_.wait(until);
    } else {
        co_await (bell_.wait(until) || control->bell().wait(until));
    }
    parts_.learned->late.woke(due, clock_now());
}

core::awaitable<run_outcome> cycle_runner::run(run_spec what, run_sink& sink, run_control& control,
                                               std::function<void(const run_outcome&)> on_end,
                                               bool may_restart) {
    run_state now;
    now.what = std::move(what);
    if (parts_.keeps_nothing) {
        now.what.prompt = without_reset(std::move(now.what.prompt));
    }
    now.sink = &sink;
    now.control = &control;
    verdict end = verdict::failed;
    const bool mine = co_await take_turn(now.what.until);
    now.began = parts_.watch->now();
    if (mine) {
        end = co_await attempts(now);
    } else {
        end = fail(now, chat::failure_kind::timed_out, "deadline",
                   "The request's time was over before it could begin.");
    }
    note_usage(now);
    run_outcome out;
    out.end = end == verdict::stop        ? run_end::stop
              : end == verdict::length    ? run_end::length
              : end == verdict::cancelled ? run_end::cancelled
                                          : run_end::failed;
    out.progress = now.progress;
    out.failure = now.failure;
    if (on_end) {
        on_end(out);
    }
    if (mine) {
        if (!may_restart) {
            now.restart_cause.reset();
        }
        co_await settle(now);
        suspect_ = end != verdict::stop;
        end_turn();
    }
    co_return out;
}

core::awaitable<cycle_runner::verdict> cycle_runner::attempts(run_state& now) {
    verdict end = verdict::again;
    for (int i = 0; i < most_attempts; ++i) {
        end = co_await attempt(now);
        following_ = false;
        listens_for_failure_ = false;
        if (end != verdict::again || now.text_given) {
            break;
        }
        telemetry::log().warn("run {}: {}; trying again", now.what.id,
                              now.failure ? now.failure->message : "failed");
        const core::deadline until = core::deadline::after(parts_.clocks.scrub, clock_now());
        const bool idle = co_await bring_to_idle(now.began, true, until);
        if (!idle) {
            now.restart_cause = "The runtime did not become idle after a request.";
            break;
        }
        if (i + 1 < most_attempts) {
            now.failure.reset();
        }
    }
    if (end == verdict::again && !now.failure) {
        end = fail(now, chat::failure_kind::runtime_failed, "runtime-stuck",
                   "The runtime did not become idle.");
    }
    co_return end == verdict::again ? verdict::failed : end;
}

core::awaitable<cycle_runner::verdict> cycle_runner::attempt(run_state& now) {
    early ended = co_await encode_verbatim(now);
    if (!ended) {
        ended = co_await drain(now);
    }
    if (!ended && !parts_.keeps_nothing) {
        ended = co_await reset(now);
    }
    if (!ended) {
        ended = co_await generate(now);
    }
    if (!ended) {
        ended = co_await follow(now);
    }
    co_return *ended;
}

core::awaitable<void> cycle_runner::settle(run_state& now) {
    following_ = false;
    if (parts_.watch->since(now.began) != service_watch::loss::none) {
        co_return;
    }
    if (now.restart_cause) {
        parts_.restart(now.restart_pair, *now.restart_cause);
        co_return;
    }
    core::deadline until = core::deadline::after(parts_.clocks.scrub, clock_now());
    if (until.at() < reset_until_.at() && now.progress.reset_confirmed == core::steady_time{}) {
        until = reset_until_;  // a reset can't be interrupted, and loading the model anew takes longer
    }
    const bool idle = co_await bring_to_idle(now.began, !now.ended_by_itself, until);
    if (!idle) {
        if (parts_.watch->since(now.began) == service_watch::loss::none) {
            parts_.restart(false, "The runtime did not become idle after a request.");
        }
        co_return;
    }
    if (tapped()) {
        const core::deadline mended = core::deadline::after(mend_limit, clock_now());
        co_await parts_.tap->mend(mended);
    }
}

core::awaitable<bool> cycle_runner::come_to_rest(core::deadline until) {
    const bool mine = co_await take_turn(until);
    if (!mine) {
        co_return false;
    }
    const service_watch::mark began = parts_.watch->now();
    const bool idle = co_await bring_to_idle(began, true, until);
    end_turn();
    co_return idle;
}

void cycle_runner::see_tap() {
    if (!tapped()) {
        return;
    }
    const tap_view& seen = parts_.tap->view();
    if (seen.run_begun) {
        idle_.on_begun(seen.run_begun_at);
    } else if (seen.reset_begun) {
        idle_.on_begun(seen.reset_begun_at);
    }
}

core::awaitable<bool> cycle_runner::bring_to_idle(service_watch::mark began, bool stop,
                                                  core::deadline until) {
    schedule_.begin(poll_mode::settling, clock_now());
    core::steady_time next_stop = clock_now();
    bool running = stop && !idle_.idle();
    while (!idle_.idle()) {
        const service_watch::loss lost = parts_.watch->since(began);
        if ((lost != service_watch::loss::none && lost != service_watch::loss::stopping) ||
            until.passed(clock_now())) {
            co_return false;
        }
        if (running && clock_now() >= next_stop) {
            // Lost when it comes before /encode has returned, so it is repeated
            // (docs/facts/vendor_ax_observed.md#stop-and-races).
            const auto stopped = co_await parts_.link.stop();
            next_stop = plus(clock_now(), stop_interval);
            if (!stopped) {
                telemetry::log().debug("stop failed: {}", stopped.error().message);
            }
        }
        see_tap();
        const core::steady_time sent = clock_now();
        const auto got = co_await parts_.link.poll();
        if (got) {
            idle_.on_poll(sent, got->done, !got->text.empty());
            running = stop && !got->done;
        }
        if (!got && lost == service_watch::loss::stopping) {
            co_return false;  // it closes its port before it ends
        }
        schedule_.on_polled(sent, clock_now(), got && !got->text.empty(), got && got->done);
        if (!idle_.idle()) {
            const core::steady_time next = running ? std::min(schedule_.next(), next_stop) : schedule_.next();
            co_await rest(nullptr, std::min(next, until.at()));
        }
    }
    co_return true;
}

}  // namespace corral::engine::ax_poll
