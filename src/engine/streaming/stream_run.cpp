#include "engine/streaming/stream_run.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine::streaming {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds busy_pause = 100ms;
constexpr core::nanoseconds longest_call = std::chrono::hours(24);

core::steady_time plus(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

// While it lives, the pump hands over what comes.
class handed_over {
public:
    explicit handed_over(stream_pump& by) : by_(by) {}
    handed_over(const handed_over&) = delete;
    handed_over& operator=(const handed_over&) = delete;
    ~handed_over() { by_.on_bytes({}); }

private:
    stream_pump& by_;
};

}  // namespace

// Until the run is left: at its end, by an exception, or cut as a coroutine. Owns the list with the others, for a coroutine
// may outlive the runs when all ends.
class stream_run::present_run {
public:
    present_run(std::shared_ptr<presence> in, core::wake_signal& bell) : in_(std::move(in)), bell_(&bell) {
        in_->bells.push_back(bell_);
    }
    present_run(const present_run&) = delete;
    present_run& operator=(const present_run&) = delete;
    ~present_run() {
        std::erase(in_->bells, bell_);
        in_->freed.ring();
    }

private:
    std::shared_ptr<presence> in_;
    core::wake_signal* bell_;
};

stream_run::stream_run(stream_parts parts)
    : parts_(std::move(parts)), present_(std::make_shared<presence>(parts_.on)) {}

void stream_run::ring_all() {
    for (core::wake_signal* each : present_->bells) {
        each->ring();
    }
}

core::awaitable<run_outcome> stream_run::run(run_spec spec, run_sink& sink, run_control& control,
                                             std::function<void(const run_outcome&)> on_end,
                                             bool may_restart) {
    const present_run mark(present_, control.bell());
    run_state now;
    now.what = std::move(spec);
    now.prompt_tokens = tokens_of_prompt(now.what);
    now.usage_tokens = parts_.likely_tokens ? parts_.likely_tokens(now.what.prompt) : now.prompt_tokens;
    now.sink = &sink;
    now.control = &control;
    now.began = parts_.mark();
    now.text = answer_text(parts_.traits.chunk, parts_.traits.error_texts);
    now.meetings = meetings_;
    if (runs() > 1) {
        ++meetings_;
    }
    const run_end end = co_await attempt(now);
    note_usage(now);
    if (end == run_end::stop || end == run_end::length) {
        parts_.learned->lesson.went_well();
    }
    run_outcome out;
    out.end = end;
    out.progress = now.progress;
    out.failure = now.failure;
    out.loss = now.loss;
    if (on_end) {
        on_end(out);
    }
    co_await settle(now);
    out.loss = now.loss;
    clears_at_.reset();
    if (now.restart_cause && may_restart) {
        parts_.restart(*now.restart_cause, now.restart_why);
    }
    co_return out;
}

core::awaitable<bool> stream_run::come_to_rest(core::deadline until) {
    while (runs() > 0) {
        const core::wake_reason why = co_await present_->freed.wait(until);
        if (why != core::wake_reason::rung && runs() > 0) {
            co_return false;
        }
    }
    co_return true;
}

core::awaitable<run_end> stream_run::attempt(run_state& now) {
    auto request = parts_.protocol->request_for(now.what);
    if (!request) {
        co_return fail(now, chat::failure_kind::unsupported, request.error().message, false);
    }
    stream_request asked = std::move(*request);
    const chat::rendered_prompt& prompt = now.what.prompt;
    look_for_quotations(now, prompt.system);
    look_for_quotations(now, prompt.turns);
    for (const chat::role_text& turn : prompt.messages) {
        look_for_quotations(now, turn.text);
    }
    now.last_text_end.clear();
    const early ended = co_await ask(now, std::move(asked));
    if (ended) {
        co_return *ended;
    }
    now.progress.prompt_accepted = true;
    co_return co_await follow(now);
}

core::awaitable<stream_run::early> stream_run::ask(run_state& now, stream_request request) {
    now.progress.reset_confirmed = clock_now();
    const core::deadline patience = core::deadline::after(parts_.clocks.call, clock_now());
    while (true) {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        const core::deadline most = core::deadline::after(longest_call, clock_now());
        http::stream_call call;
        call.to = parts_.at();
        call.target = request.target;
        call.headers = request.headers;
        call.body = request.body;
        call.inserts = request.inserts;
        call.until = most;
        call.kept = parts_.kept;
        call.gone = parts_.gone;
        now.progress.generate_accepted = clock_now();
        now.late_then = parts_.learned->late.total();
        now.inside = true;
        complaint_ = nullptr;
        now.pump = stream_pump::start(*parts_.tasks, parts_.on, std::move(call), most, now.control->bell(),
                                      parts_.protocol->next());
        early end = co_await await_head(now);
        if (end || now.pump->status() == 200U) {
            co_return end;
        }
        end = co_await refused(now, request.body, patience);
        if (end) {
            co_return end;
        }
        if (std::exchange(now.asks_anew, false)) {
            auto plain = parts_.protocol->request_for(now.what);
            if (!plain) {
                co_return fail(now, chat::failure_kind::unsupported, plain.error().message, false);
            }
            request = std::move(*plain);
            continue;
        }
        const core::deadline again{plus(clock_now(), busy_pause)};
        while (!again.sooner(now.what.until).passed(clock_now()) && !now.control->cancelled()) {
            co_await rest(now, again);
        }
    }
}

core::awaitable<stream_run::early> stream_run::await_head(run_state& now) {
    while (!now.pump->status()) {
        if (const early end = interrupted(now)) {
            co_return end;
        }
        if (now.pump->ended()) {
            core::failure why = *now.pump->trouble();
            co_return co_await call_failed(now, std::move(why));
        }
        if (const early end = stalled(now)) {
            co_return end;
        }
        co_await rest(now, silence_limit(now));
    }
    co_return std::nullopt;
}

core::awaitable<run_end> stream_run::follow(run_state& now) {
    now.reader = parts_.protocol->reader(now.what);
    now.pump->on_bytes([this, &now] {
        if (now.taken_end || now.done) {
            return;
        }
        now.taken_end = take(now);
        if (now.taken_end || now.done) {
            now.control->bell().ring();
        }
    });
    const handed_over until_here(*now.pump);
    while (true) {
        if (now.taken_end) {
            co_return *now.taken_end;
        }
        if (now.pump->has_bytes()) {
            if (const early end = take(now)) {
                co_return *end;
            }
            continue;
        }
        if (now.done || now.pump->ended()) {
            co_return co_await conclude(now);
        }
        if (const early end = interrupted(now)) {
            co_return *end;
        }
        if (const early end = stalled(now)) {
            co_return *end;
        }
        co_await rest(now, silence_limit(now));
    }
}

stream_run::early stream_run::take(run_state& now) {
    const std::string bytes = now.pump->take();
    now.parts.clear();
    now.fresh = true;
    const auto read = now.reader->feed(bytes, now.parts);
    for (const answer_part& part : now.parts) {
        if (const early end = on_part(now, part)) {
            return end;
        }
    }
    if (!read) {
        return fail(now, chat::failure_kind::runtime_failed,
                    core::say("runtime.protocol/answer", read.error().message), true);
    }
    return std::nullopt;
}

stream_run::early stream_run::on_part(run_state& now, const answer_part& part) {
    if (now.done) {
        return std::nullopt;
    }
    if (const auto* text = std::get_if<text_part>(&part)) {
        look_for_quotations(now, text->text);
        now.text.add(text->text);
        return deliver(now);
    }
    if (const auto* thinking = std::get_if<thinking_part>(&part)) {
        look_for_quotations(now, thinking->text);
        now.text.add_thinking(thinking->text);
        return deliver(now);
    }
    if (const auto* logprobs = std::get_if<logprobs_part>(&part)) {
        now.sink->on_logprobs(logprobs->tokens);
        return std::nullopt;
    }
    const bool counts = parts_.traits.usage == catalog::usage_trust::tokens;
    if (const auto* prompt = std::get_if<prompt_part>(&part)) {
        if (counts) {
            note_prompt(now, prompt->tokens, prompt->cached_tokens);
        }
    } else if (const auto* usage = std::get_if<usage_part>(&part)) {
        if (counts) {
            note_prompt(now, usage->prompt_tokens, usage->cached_tokens);
            now.progress.usage.prompt_tokens = usage->prompt_tokens;
            now.progress.usage.generated_tokens = usage->generated_tokens;
            now.progress.usage.exact = true;
        }
    } else if (const auto* stages = std::get_if<stages_part>(&part)) {
        now.progress.stages = stages->stages;
    } else if (const auto* finish = std::get_if<finish_part>(&part)) {
        now.finished = true;
        now.length = finish->why == finish_part::reason::length;
    } else if (const auto* error = std::get_if<error_part>(&part)) {
        core::reason message = core::say("runtime.not-run/gave-up",
                                         error->message.empty() ? "it does not say why" : error->message);
        return error->context
                   ? fail_too_long(now, *error->context, core::say("request.too-long/told", message))
                   : fail(now, chat::failure_kind::runtime_failed, std::move(message), true);
    } else {
        now.done = true;
    }
    return std::nullopt;
}

stream_run::early stream_run::deliver(run_state& now) {
    note_text(now);
    const std::string piece = now.text.ready(false);
    if (now.text.is_error()) {
        return fail(now, chat::failure_kind::runtime_failed, core::say("runtime.not-run/told"), true);
    }
    note_usage(now);
    if (!piece.empty()) {
        now.sink->on_text(piece, now.progress);
    }
    if (now.control->cancelled()) {
        return run_end::cancelled;
    }
    // Who keeps the limit himself is let end, for what he says of the run comes last; but one that goes on far beyond
    // it does not keep it. Far, for tokens are counted by letters where the server counts none.
    constexpr std::uint32_t least_margin = 16;
    std::uint32_t most = now.what.max_tokens.value_or(UINT32_MAX);
    if (!parts_.traits.max_tokens.empty()) {
        const std::uint32_t margin = least_margin + most / 2;
        most += std::min(margin, UINT32_MAX - most);
    }
    if (now.what.max_tokens && now.text.reached(most)) {
        return run_end::length;
    }
    return std::nullopt;
}

core::awaitable<run_end> stream_run::conclude(run_state& now) {
    using catalog::end_mark;
    if (!now.done && now.pump->trouble()) {
        core::failure why = *now.pump->trouble();
        const early end = co_await call_failed(now, std::move(why));
        co_return *end;
    }
    now.parts.clear();
    const auto finished = now.done ? core::result<void>{} : now.reader->finish(now.parts);
    for (const answer_part& part : now.parts) {
        if (const early end = on_part(now, part)) {
            co_return *end;
        }
    }
    const end_mark wanted = parts_.traits.end;
    bool whole = finished.has_value();
    whole = whole && (wanted != end_mark::done || now.done) && (wanted != end_mark::finish || now.finished);
    if (whole && wanted == end_mark::body_end) {
        // A process that dies closes its connection like one that has said all; but it listens no more.
        whole = co_await still_listens();
    }
    if (!whole) {
        co_return co_await call_failed(
            now, core::make_failure(core::errc::protocol, core::say("runtime.protocol/answer-cut")));
    }
    const bool failed = co_await failed_inside(now);
    if (failed) {
        now.done = true;
        co_return fail(
            now, chat::failure_kind::runtime_failed,
            core::say("request.failed-inside/printed",
                      complaint_->cause + (complaint_->advice.empty() ? "" : " " + complaint_->advice)),
            true);
    }
    if (wanted == end_mark::body_end && !now.finished && !now.text.any()) {
        // Where a run that failed ends like one that is over, an answer without a word is no answer.
        co_return fail(now, chat::failure_kind::runtime_failed, core::say("runtime.not-run/ended"), true);
    }
    const std::string rest_of_text = now.text.ready(true);
    if (now.text.is_error()) {
        co_return fail(now, chat::failure_kind::runtime_failed, core::say("runtime.not-run/told"), true);
    }
    if (!rest_of_text.empty()) {
        note_usage(now);
        now.sink->on_text(rest_of_text, now.progress);
    }
    now.done = true;
    if (const early end = without_a_word(now)) {
        co_return *end;
    }
    const bool used_up = parts_.traits.finish == catalog::finish_trust::untrusted && now.what.max_tokens &&
                         now.text.reached(*now.what.max_tokens);
    co_return now.length || used_up ? run_end::length : run_end::stop;
}

stream_run::early stream_run::without_a_word(run_state& now) const {
    const std::uint32_t counted = now.progress.usage.exact ? now.progress.usage.prompt_tokens : 0;
    if (now.text.any() || now.length || !parts_.unanswered || !parts_.unanswered(now.what.prompt, counted)) {
        return std::nullopt;
    }
    return fail(now, chat::failure_kind::context_too_long,
                core::say("request.too-long/runtime", ": the runtime answered it without a word."), true);
}

core::awaitable<bool> stream_run::still_listens() {
    http::stream_call call;
    call.to = parts_.at();
    call.method = "GET";
    call.until = core::deadline::after(parts_.clocks.call, clock_now());
    const auto answered = co_await http::reply_stream::open(std::move(call));
    co_return answered.has_value();
}

}  // namespace corral::engine::streaming
