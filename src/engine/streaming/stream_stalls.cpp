// What ends a run early, told apart and named; and how long silence may last.
#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/group_availability.hpp"
#include "engine/loss_text.hpp"
#include "engine/streaming/stream_run.hpp"

namespace corral::engine::streaming {

namespace {

using namespace std::chrono_literals;

// What a server says in its log of an answer may come behind the answer's end.
constexpr core::nanoseconds late_line = 100ms;
// However long it may be silent: how late our own loop is shows at each waking.
constexpr core::nanoseconds longest_rest = 1s;

}  // namespace

std::uint32_t stream_run::tokens_of_prompt(const run_spec& spec) {
    constexpr std::uint32_t of_an_image = 1024;  // and it is looked at before
    const auto images =
        static_cast<std::uint32_t>(std::min<std::size_t>(chat::images_of(spec.prompt).size(), 1000));
    return estimated_tokens(spec.prompt.system) + estimated_tokens(spec.prompt.turns) + images * of_an_image;
}

run_end stream_run::fail(run_state& now, chat::failure_kind kind, core::reason message, bool retryable) {
    now.failure = run_failure{.kind = kind, .message = std::move(message), .retryable = retryable};
    return run_end::failed;
}

stream_run::early stream_run::interrupted(run_state& now) const {
    if (now.control->cancelled()) {
        return run_end::cancelled;
    }
    if (auto lost = parts_.lost(now.began)) {
        if (lost->died && now.inside) {
            now.loss = {run_loss::how::died, !alone(now), lost->why.message};
        }
        now.failure = std::move(lost->why);
        return run_end::failed;
    }
    if (now.what.until.passed(clock_now())) {
        return fail(now, chat::failure_kind::timed_out, core::say("request.took-too-long"), false);
    }
    return std::nullopt;
}

// The prompt is not to blame where a signal stopped the process, or the whole box stood still.
void stream_run::hung(run_state& now, std::string message) const {
    const core::nanoseconds late = parts_.learned->late.total() - now.late_then;
    if (late >= stalled_box || (parts_.halted && parts_.halted())) {
        return;
    }
    now.loss = {run_loss::how::hung, !alone(now), std::move(message)};
}

void stream_run::note_text(run_state& now) {
    const core::steady_time at = clock_now();
    const bool first = now.progress.first_text == core::steady_time{};
    const core::steady_time since = first ? now.progress.generate_accepted : now.last_text;
    const core::nanoseconds late = parts_.learned->late.total();
    // Of a batch the first piece tells how long the server was silent; one that has others in it is slower.
    if (now.fresh && alone(now)) {
        const core::nanoseconds took = at - since - (late - now.late_then);
        if (first) {
            parts_.learned->prefill.observe(now.prompt_tokens, took);
        } else {
            now.pace.note(took, parts_.learned->decode.limit());
            parts_.learned->decode.observe(took);
        }
    }
    now.fresh = false;
    now.last_text = at;
    heard_ = at;
    now.late_then = late;
    if (first) {
        now.progress.first_text = at;
    }
}

bool stream_run::alone(const run_state& now) const noexcept {
    return runs() == 1 && now.meetings == meetings_;
}

core::nanoseconds stream_run::patience(const run_state& now) const {
    const stream_clocks& clocks = *parts_.learned;
    if (!now.text.any()) {
        return clocks.prefill.limit(now.prompt_tokens);
    }
    return alone(now) ? clocks.decode.limit() : std::max(clocks.decode.limit(), clocks.decode.start());
}

core::deadline stream_run::silence_limit(const run_state& now) const {
    const core::nanoseconds late = parts_.learned->late.total() - now.late_then;
    return core::deadline::after(patience(now) + late,
                                 now.text.any() ? now.last_text : now.progress.generate_accepted);
}

stream_run::early stream_run::stalled(run_state& now) const {
    const core::deadline limit = silence_limit(now);
    if (!limit.passed(clock_now())) {
        return std::nullopt;
    }
    const bool decoding = now.text.any();
    const core::steady_time since = decoding ? now.last_text : now.progress.generate_accepted;
    const std::string silence =
        " No text came for " + supervisor::seconds_text(clock_now() - since) + "; the ";
    stream_clocks& clocks = *parts_.learned;
    const bool teaches = clocks.lesson.teaches(now.what.prompt, now.pace);
    core::reason said;
    if (decoding) {
        said = core::say("runtime.hung/stream-stopped", now.text.tokens(), silence, clocks.decode.stand());
        if (teaches) {
            clocks.decode.ran_out();
        }
    } else {
        said = core::say("runtime.hung/stream-begin", silence, clocks.prefill.stand(now.prompt_tokens));
        if (teaches) {
            clocks.prefill.ran_out();
        }
    }
    now.restart_cause = said;
    hung(now, said);
    return fail(now, chat::failure_kind::runtime_failed, with_restart(said), true);
}

core::awaitable<run_end> stream_run::call_failed(run_state& now, core::failure why) {
    const core::deadline patience = core::deadline::after(notice_of_death, clock_now());
    while (!patience.passed(clock_now())) {
        if (const early end = interrupted(now)) {
            co_return *end;
        }
        co_await rest(now, patience);
    }
    telemetry::warn(why.message, "run {}: {}", now.what.id, why.message);
    co_return fail(now, chat::failure_kind::runtime_failed, core::say("runtime.hung/did"), true);
}

void stream_run::on_line(std::string_view line) {
    for (const catalog::log_meaning& known : parts_.failing_lines) {
        if (complaint_ == nullptr && line.find(known.pattern) != std::string_view::npos) {
            complaint_ = &known;
            ring_all();
        }
    }
}

// A server may print what it reads and writes.
void stream_run::look_for_quotations(run_state& now, std::string_view text) const {
    if (parts_.failing_lines.empty() || now.quoted) {
        return;
    }
    std::string seen = std::exchange(now.last_text_end, {});
    seen += text;
    std::size_t longest = 1;
    for (const catalog::log_meaning& known : parts_.failing_lines) {
        now.quoted = now.quoted || seen.find(known.pattern) != std::string::npos;
        longest = std::max(longest, known.pattern.size());
    }
    now.last_text_end = seen.substr(seen.size() - std::min(seen.size(), longest - 1));
}

core::awaitable<bool> stream_run::failed_inside(run_state& now) {
    if (parts_.failing_lines.empty()) {
        co_return false;
    }
    const core::deadline patience = core::deadline::after(late_line, clock_now());
    while (complaint_ == nullptr && !patience.passed(clock_now()) && !now.control->cancelled()) {
        co_await rest(now, patience);
    }
    co_return complaint_ != nullptr && !now.quoted;
}

core::awaitable<void> stream_run::rest(run_state& now, core::deadline until) {
    const core::steady_time began = clock_now();
    const core::deadline next =
        until.sooner(now.what.until).sooner(core::deadline::after(longest_rest, began));
    co_await now.control->bell().wait(next);
    if (!next.passed(began)) {  // else it was not the loop that was late
        parts_.learned->late.woke(next.at(), clock_now());
    }
}

void stream_run::note_usage(run_state& now) const {
    if (now.progress.usage.exact) {
        return;
    }
    now.progress.usage.prompt_tokens = now.usage_tokens;
    now.progress.usage.generated_tokens = now.text.tokens();
}

void stream_run::note_prompt(run_state& now, std::uint32_t tokens, std::uint32_t cached) const {
    now.usage_tokens = tokens;
    now.progress.usage.cached_tokens = std::min(cached, tokens);
    if (parts_.traits.prefix_cache != catalog::prefix_cache::none) {
        const char* const anew = !now.what.computes_all ? "whole" : now.what.slot ? "owner" : "off";
        now.progress.start = cached > 0 ? "continued" : anew;
    }
}

}  // namespace corral::engine::streaming
