// The second half of the cycle: from an accepted prompt to the end of its text.
#include <algorithm>
#include <limits>
#include <utility>

#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_runner.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds stop_interval = 20ms;
constexpr core::nanoseconds owed_limit = 120s;  // a tokenizer service starts again in this time
constexpr std::size_t longest_usual_token = 6;  // bytes
constexpr std::uint32_t tokens_of_a_piece = 3;  // what the runtime gathers (docs/facts/vendor_ax.md#races)
constexpr std::uint32_t enough_for_a_text = 8;  // tokens that can't all be parts of one character

core::steady_time plus(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

}  // namespace

core::awaitable<cycle_runner::verdict> cycle_runner::follow(run_state& now) {
    follow_fsm fsm(parts_.clocks.idle_grace, now.progress.generate_accepted);
    schedule_.begin(poll_mode::following, clock_now());
    schedule_.on_sign(clock_now());
    pieces_seen_ = 0;
    answers_heard_ = 0;
    final_heard_ = false;
    following_ = true;
    last_sign_of_life_ = accepted_;
    core::steady_time next_stop{};
    follow_verdict got_to = follow_verdict::go_on;
    while (got_to == follow_verdict::go_on) {
        early end = interrupted(now);
        if (!end) {
            end = stalled(now);
        }
        if (end) {
            co_return *end;
        }
        see_tap();
        const bool enough = tapped() && parts_.tap->tokens().limit_reached();
        if (tapped()) {
            const tap_view& seen = parts_.tap->view();
            if (seen.foreign_ids) {
                co_return foreign_ids(now);
            }
            if (seen.encode_failed) {
                co_return fail(now, chat::failure_kind::unavailable, "tokenizer-unavailable",
                               "The tokenizer service did not answer for the prompt.");
            }
            if (seen.run_begun) {
                fsm.on_begun(seen.run_begun_at);
            }
        }
        if (enough && clock_now() >= next_stop) {
            const auto stopped = co_await parts_.link.stop();
            if (!stopped) {
                co_return co_await call_failed(now, stopped.error(), "stop");
            }
            next_stop = plus(clock_now(), stop_interval);
            schedule_.on_sign(clock_now());
            continue;
        }
        if (clock_now() < schedule_.next()) {
            core::steady_time when = std::min(schedule_.next(), now.what.until.at());
            if (enough) {
                when = std::min(when, next_stop);
            }
            co_await rest(now.control, when);
            continue;
        }
        const std::uint32_t answered = tapped() ? parts_.tap->view().pieces_answered : 0;
        const core::steady_time sent = clock_now();
        const auto got = co_await parts_.link.poll();
        if (!got) {
            co_return co_await call_failed(now, got.error(), "a poll");
        }
        idle_.on_poll(sent, got->done, !got->text.empty());
        if (!now.text_given && (encode_failed_in_output() || runs_something_else())) {
            // What comes now answers the prompt of an earlier request (docs/facts/vendor_ax.md#failures, F3).
            (void)fail(now, chat::failure_kind::unavailable, "tokenizer-unavailable",
                       "The tokenizer service did not answer for the prompt.");
            co_return verdict::again;
        }
        const bool ours = take_text(now, *got);
        if (ours) {
            pieces_seen_ = std::max(pieces_seen_, answered);
        }
        schedule_.on_polled(sent, clock_now(), ours, got->done);
        if (tapped() && parts_.tap->view().run_begun) {
            fsm.on_begun(parts_.tap->view().run_begun_at);
        }
        got_to = fsm.on_poll(sent, got->done, ours);
        if (!tapped() && now.what.max_tokens && now.progress.usage.generated_tokens >= *now.what.max_tokens) {
            co_return verdict::length;
        }
    }
    following_ = false;
    if (got_to == follow_verdict::swallowed) {
        (void)fail(now, chat::failure_kind::runtime_failed, "generate-swallowed",
                   "The runtime accepted the prompt but did not run it.");
        co_return verdict::again;
    }
    now.ended_by_itself = true;
    co_return co_await conclude(now);
}

bool cycle_runner::take_text(run_state& now, const poll_answer& got) {
    if (got.text.empty()) {
        return false;
    }
    const bool looks_full = !now.text_given && !now.full_text_held && got.text == context_full_text;
    if (tapped() && parts_.tap->view().pieces_answered == 0) {
        // No token of this run was turned into text yet.
        if (looks_full) {
            now.full_text_held = true;
            return true;
        }
        telemetry::log().warn("run {}: {} bytes that are not of this run discarded", now.what.id,
                              got.text.size());
        return false;
    }
    if (looks_full && !tapped()) {
        now.full_text_held = true;
        return true;
    }
    if (now.full_text_held) {
        now.full_text_held = false;  // the model wrote these words
        deliver(now, context_full_text);
    }
    deliver(now, got.text);
    return true;
}

void cycle_runner::deliver(run_state& now, std::string_view text) {
    if (text.empty() || now.control->cancelled()) {
        return;
    }
    const core::steady_time at = clock_now();
    if (!now.text_given) {
        now.progress.first_text = at;
        parts_.learned->prefill.observe(size_of_turns(now), silence_since(accepted_));
    } else {
        parts_.learned->decode.observe(silence_since(last_sign_of_life_));
    }
    last_sign_of_life_ = sign_at(at);
    now.text_given = true;
    listens_for_failure_ = false;
    ++now.polls_with_text;
    now.text_bytes += text.size();
    note_usage(now);
    now.sink->on_text(text, now.progress);
}

// The runtime's calls of its tokenizer, as the tap saw them. The runtime waits for each, so they are parts of
// what passed.
void cycle_runner::note_stages(run_state& now) const {
    const tap_view& seen = parts_.tap->view();
    now.progress.stages.tokenise = seen.encode_took;
    if (seen.pieces_answered > 0) {
        now.progress.stages.detokenise = seen.decode_took;
    }
}

void cycle_runner::note_usage(run_state& now) const {
    chat::token_usage& usage = now.progress.usage;
    if (tapped() && now.progress.prompt_accepted && parts_.tap->view().encode_answered) {
        usage.prompt_tokens = parts_.tap->view().system_tokens + parts_.tap->view().turn_tokens;
        usage.generated_tokens = std::max(usage.generated_tokens, parts_.tap->tokens().count());
        usage.exact = true;
        note_stages(now);
        return;
    }
    if (!usage.exact) {
        usage.prompt_tokens = token_estimate(now.what.prompt.system) + token_estimate(now.what.prompt.turns);
        // A late poll brings many pieces at once, and a token is seldom longer than this.
        const auto in_text = static_cast<std::uint32_t>(std::min<std::size_t>(
            now.text_bytes / longest_usual_token, std::numeric_limits<std::uint32_t>::max()));
        usage.generated_tokens =
            std::max({usage.generated_tokens, now.polls_with_text * tokens_of_a_piece, in_text});
        if (now.what.max_tokens) {
            usage.generated_tokens = std::min(usage.generated_tokens, *now.what.max_tokens);
        }
    }
}

core::awaitable<cycle_runner::verdict> cycle_runner::conclude(run_state& now) {
    const bool silent = !now.text_given && !now.full_text_held;
    const bool decoded = tapped() && parts_.tap->tokens().made() > 0;
    if (silent && !decoded) {
        // The in-band text of a full context may be queued a moment after `done`
        // (docs/facts/vendor_ax.md#state).
        for (const auto wait : {5ms, 15ms, 40ms}) {
            co_await core::sleep_for(wait);
            const auto late = co_await parts_.link.poll();
            if (!late) {
                co_return co_await call_failed(now, late.error(), "a poll");
            }
            if (late->text == context_full_text) {
                now.full_text_held = true;
                break;
            }
        }
    }
    if (now.full_text_held) {
        co_return context_full(now, now.progress.usage.exact ? now.progress.usage.prompt_tokens : 0);
    }
    if (tapped()) {
        co_return co_await conclude_with_tap(now);
    }
    if (!now.text_given) {
        now.restart_pair = true;
        co_return fail_and_restart(now, "mute", "The runtime ran the prompt but gave no text.");
    }
    co_return verdict::stop;
}

core::awaitable<cycle_runner::verdict> cycle_runner::conclude_with_tap(run_state& now) {
    const token_ledger& tokens = parts_.tap->tokens();
    const bool cut_by_context = !tokens.limit_reached() && !tokens.tail().empty();
    const core::deadline until = core::deadline::after(owed_limit, clock_now()).sooner(now.what.until);
    tokenizer_tap::predicate unwanted = [control = now.control] { return control->cancelled(); };
    const auto owed = co_await parts_.tap->owed_text(until, std::move(unwanted));
    if (now.control->cancelled()) {
        co_return verdict::cancelled;
    }
    if (!owed) {
        co_return fail(now, chat::failure_kind::unavailable, "tokenizer-died", owed.error().message);
    }
    deliver(now, *owed);
    note_usage(now);
    const std::uint32_t made = tokens.made();
    if (made == 0 || (!now.text_given && made >= enough_for_a_text)) {
        now.restart_pair = true;
        co_return fail_and_restart(now, "mute", "The runtime ran the prompt but gave no text.");
    }
    if (tokens.limit_reached()) {
        co_return verdict::length;
    }
    const catalog::context_sizes sizes = parts_.sizes();
    const std::uint32_t prompt = now.progress.usage.prompt_tokens;
    const bool used_up = known(sizes) && made + 1 >= most_output_tokens(sizes, prompt);
    co_return cut_by_context || used_up ? verdict::length : verdict::stop;
}

}  // namespace corral::engine::ax_poll
