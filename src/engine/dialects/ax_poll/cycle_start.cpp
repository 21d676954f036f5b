// The first half of the cycle: from an unknown runtime to an accepted prompt.
#include <algorithm>
#include <utility>

#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_runner.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr int most_resets = 3;
// What the runtime is sent, and prints, where the tap answers with ids in place of a text.
constexpr std::string_view prescribed_text = "(token ids)";
constexpr core::nanoseconds stop_interval = 100ms;

core::steady_time plus(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

}  // namespace

core::awaitable<cycle_runner::early> cycle_runner::drain(run_state& now) {
    schedule_.begin(poll_mode::settling, clock_now());
    const core::deadline until = core::deadline::after(parts_.clocks.scrub, clock_now());
    core::steady_time next_stop{};
    do {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        if (until.passed(clock_now())) {
            co_return fail_and_restart(now, "runtime-stuck",
                                       "The runtime was still busy with something else.");
        }
        see_tap();
        const core::steady_time sent = clock_now();
        const auto got = co_await parts_.link.poll();
        if (!got) {
            co_return co_await call_failed(now, got.error(), "a poll");
        }
        if (!got->text.empty()) {
            telemetry::log().info("run {}: {} bytes of an earlier answer discarded", now.what.id,
                                  got->text.size());
        }
        idle_.on_poll(sent, got->done, !got->text.empty());
        schedule_.on_polled(sent, clock_now(), !got->text.empty(), got->done);
        if (!got->done && clock_now() >= next_stop) {
            const auto stopped = co_await parts_.link.stop();
            if (!stopped) {
                co_return co_await call_failed(now, stopped.error(), "stop");
            }
            next_stop = plus(clock_now(), stop_interval);
        }
        if (!idle_.idle()) {
            co_await rest(now.control, std::min(schedule_.next(), until.at()));
        }
    } while (!idle_.idle());
    co_return std::nullopt;
}

core::awaitable<cycle_runner::early> cycle_runner::reset(run_state& now) {
    for (int i = 0; i < most_resets; ++i) {
        early end = co_await send_reset(now);
        if (end) {
            co_return end;
        }
        bool swallowed = false;
        end = co_await confirm_reset(now, swallowed);
        if (end) {
            co_return end;
        }
        // Never believed: the prompt would run behind the conversation of somebody else.
        if (swallowed) {
            telemetry::log().warn("run {}: the reset was accepted but not seen to run; repeating it",
                                  now.what.id);
            continue;
        }
        now.progress.reset_confirmed = clock_now();
        co_return std::nullopt;
    }
    co_return fail_and_restart(now, "reset-swallowed",
                               "The runtime accepts resets but does not carry them out.");
}

core::awaitable<cycle_runner::early> cycle_runner::send_reset(run_state& now) {
    const core::deadline until = core::deadline::after(parts_.clocks.reset, clock_now());
    for (unsigned tries = 0;; ++tries) {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        if (tapped()) {
            const catalog::context_sizes sizes = parts_.sizes();
            parts_.tap->set_limits(most_system_tokens(sizes), sizes.vocabulary);
            parts_.tap->begin_reset(now.ids);
            parts_.tap->begin_run(std::nullopt);
        }
        idle_.on_call(clock_now());
        now.prompt_inside = true;
        output_before_text_.clear();
        listens_for_failure_ = !tapped();
        std::string system(now.ids ? prescribed_text : std::string_view(now.what.prompt.system));
        const auto reply = co_await parts_.link.reset(std::move(system));
        if (!reply) {
            co_return co_await call_failed(now, reply.error(), "reset");
        }
        if (reply->verdict == control_verdict::accepted) {
            reset_sent_ = sign_at(clock_now());
            const core::nanoseconds limit = parts_.learned->reset.limit(size_of_system(now));
            reset_until_ = core::deadline::after(limit, clock_now());
            co_return std::nullopt;
        }
        if (reply->verdict == control_verdict::refused) {
            co_return fail(now, chat::failure_kind::runtime_failed, "reset-refused",
                           "The runtime refused a reset with status " + std::to_string(reply->status) + ".");
        }
        if (until.passed(clock_now())) {
            co_return fail_and_restart(now, "runtime-stuck", "The runtime stayed busy and took no reset.");
        }
        const early end = co_await back_off(now, tries);
        if (end) {
            co_return end;
        }
    }
}

core::awaitable<cycle_runner::early> cycle_runner::confirm_reset(run_state& now, bool& swallowed) {
    schedule_.begin(poll_mode::settling, clock_now());
    while (!idle_.idle()) {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        if (const early end = reset_stalled(now)) {
            co_return end;
        }
        see_tap();
        if (!tapped() && reset_begun_in_output(now)) {
            idle_.on_begun(clock_now());
        }
        const core::steady_time sent = clock_now();
        const auto got = co_await parts_.link.poll();
        if (!got) {
            co_return co_await call_failed(now, got.error(), "a poll");
        }
        idle_.on_poll(sent, got->done, !got->text.empty());
        schedule_.on_polled(sent, clock_now(), !got->text.empty(), got->done);
        if (!idle_.idle()) {
            // What looks empty is polled once more without delay.
            const bool nearly = idle_.begun() && got->done;
            co_await rest(now.control, nearly ? clock_now() : schedule_.next());
        }
    }
    if (!idle_.by_grace()) {
        parts_.learned->reset.observe(size_of_system(now), silence_since(reset_sent_));
    }
    swallowed = idle_.by_grace();
    if (!tapped() && reset_failed_in_output()) {
        // The system text of the request before is in force still (docs/facts/vendor_ax.md#failures, F8).
        (void)fail(now, chat::failure_kind::unavailable, "tokenizer-unavailable",
                   "The tokenizer service did not answer while the runtime was reset.");
        co_return verdict::again;
    }
    if (!tapped()) {
        co_return std::nullopt;
    }
    const tap_view& seen = parts_.tap->view();
    swallowed = !seen.reset_begun;
    if (seen.foreign_ids) {
        co_return foreign_ids(now);
    }
    if (seen.reset_failed) {
        co_return fail(now, chat::failure_kind::unavailable, "tokenizer-unavailable",
                       "The tokenizer service did not answer while the runtime was reset.");
    }
    if (seen.reset_too_long) {
        co_return context_full(now, seen.system_tokens);
    }
    co_return std::nullopt;
}

core::awaitable<cycle_runner::early> cycle_runner::generate(run_state& now) {
    const wire_sampling sampling =
        complete_sampling(now.what.sampling, parts_.sampling, parts_.sizes().vocabulary);
    const core::deadline until = core::deadline::after(parts_.clocks.reset, clock_now());
    for (unsigned tries = 0;; ++tries) {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        if (tapped()) {
            parts_.tap->begin_run(now.what.max_tokens);
        }
        idle_.on_call(clock_now());
        // A prompt is printed word for word, so one that has these words makes the runtime's own line
        // worthless.
        output_before_text_.clear();
        listens_for_failure_ = !tapped() && now.what.prompt.turns.find("encode failed") == std::string::npos;
        std::string prompt(now.ids ? prescribed_text : std::string_view(now.what.prompt.turns));
        const auto reply = co_await parts_.link.generate(std::move(prompt), sampling);
        if (!reply) {
            co_return co_await call_failed(now, reply.error(), "generate");
        }
        if (reply->verdict == control_verdict::accepted) {
            now.progress.prompt_accepted = true;
            now.progress.generate_accepted = clock_now();
            accepted_ = sign_at(clock_now());
            co_return std::nullopt;
        }
        if (reply->verdict == control_verdict::refused) {
            co_return fail(now, chat::failure_kind::runtime_failed, "generate-refused",
                           "The runtime refused a prompt with status " + std::to_string(reply->status) + ".");
        }
        if (until.passed(clock_now())) {
            co_return fail_and_restart(now, "runtime-stuck", "The runtime stayed busy and took no prompt.");
        }
        const early end = co_await back_off(now, tries);
        if (end) {
            co_return end;
        }
    }
}

core::awaitable<cycle_runner::early> cycle_runner::back_off(run_state& now, unsigned tries) {
    const core::nanoseconds pause = std::min<core::nanoseconds>(2ms * (1U << std::min(tries, 6U)), 100ms);
    const core::steady_time again = plus(clock_now(), pause);
    while (clock_now() < again) {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        co_await rest(now.control, again);
    }
    const core::steady_time sent = clock_now();
    const auto got = co_await parts_.link.poll();
    if (!got) {
        co_return co_await call_failed(now, got.error(), "a poll");
    }
    idle_.on_poll(sent, got->done, !got->text.empty());
    if (!got->done) {
        // Perhaps an earlier prompt that began late: nobody waits for its answer. A reset does not mind.
        const auto stopped = co_await parts_.link.stop();
        if (!stopped) {
            co_return co_await call_failed(now, stopped.error(), "stop");
        }
    }
    co_return std::nullopt;
}

}  // namespace corral::engine::ax_poll
