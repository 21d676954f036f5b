// What becomes of what a run gives: events for the reader, another run, or the end.

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/chat/failure.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"
#include "generation/format_request.hpp"
#include "generation/generation_run.hpp"
#include "generation/tool_call_id.hpp"

namespace corral::generation {

namespace {

double milliseconds_of(core::nanoseconds span) {
    return std::chrono::duration<double, std::milli>(span).count();
}

// Of the log line: nothing where nobody knows it.
std::string part_text(const char* name, const std::optional<core::nanoseconds>& took) {
    return took ? fmt::format(" {}_ms={:.1f}", name, milliseconds_of(*took)) : std::string();
}

}  // namespace

void generation_run::on_text(std::string_view piece, const engine::run_progress& now) {
    figures_.note_text(now);
    if (!first_text_after_) {
        first_text_after_ = with_.clock->now() - request_.arrived;
        note_stages_so_far();
    }
    if (entry_ != nullptr) {
        entry_->note_piece(with_.clock->now());
        fill_journal();
    }
    if (to_->ended() || to_->abandoned() || concluded_) {
        return;
    }
    push(filter_->feed(piece));
    const bool enough = filter_->stopped() || (gate_ && gate_->complete());
    const std::size_t waiting = to_->pending_bytes() + (gate_ ? gate_->waiting_bytes() : 0);
    if (enough) {
        conclude(chat::finish_reason::stop);
        control_->cancel();
    } else if (waiting > max_pending_bytes()) {
        fail(chat::failure_kind::runtime_failed, "answer-too-long",
             "the answer outgrew the memory that the model's context can fill");
        control_->cancel();
    }
}

// A model without a switch thinks although it was told not to; that part is not wanted then.
void generation_run::push(std::vector<chat::generation_event> events) {
    if (gate_) {
        events = gate_->pass(std::move(events));
    }
    const bool unwanted = request_.thinking == chat::thinking_mode::off;
    for (chat::generation_event& event : events) {
        if (auto* call = std::get_if<chat::tool_call_event>(&event);
            call != nullptr && call->call.id.empty()) {
            call->call.id = new_tool_call_id(*with_.random);
        }
        if (!unwanted || !std::holds_alternative<chat::thinking_event>(event)) {
            to_->push(std::move(event));
        }
    }
}

// Called by the run's end and again by its return; the first one counts.
void generation_run::settle(const engine::run_outcome& outcome) {
    if (settled_) {
        return;
    }
    settled_ = true;
    figures_.note(outcome.progress);
    if (outcome.failure && outcome.failure->blames_request) {
        ++deaths_;
        last_death_ = outcome.failure->message;
    }
    if (to_->ended()) {
        return;
    }
    if (to_->abandoned()) {
        verdict_ = verdict::over;
        return fail_as_cancelled();
    }
    if (concluded_) {
        static_cast<void>(refuse_poisonous());
        return;
    }
    if (outcome.end == engine::run_end::failed) {
        return settle_failure(outcome.failure.value_or(engine::run_failure{}));
    }
    if (outcome.end == engine::run_end::cancelled) {
        return fail(chat::failure_kind::internal, "run-cancelled", "the run was stopped without a reason");
    }
    push(filter_->finish());
    conclude(outcome.end == engine::run_end::stop ? chat::finish_reason::stop : chat::finish_reason::length);
}

bool generation_run::gone_out() const {
    return to_->answered() && !to_->held();
}

bool generation_run::may_run_again() const {
    return tries_ < with_.options.max_tries && !deadline().passed(with_.clock->now());
}

bool generation_run::refuse_poisonous() {
    if (gone_out() || deaths_ < with_.options.poisonous_after) {
        return false;
    }
    telemetry::log().error("request id={} model={} client={} is poisonous: the runtime died in it {} times",
                           request_.id, model_->name, telemetry::printable(request_.client), deaths_);
    verdict_ = verdict::over;
    fail(chat::failure_kind::runtime_failed, "poisonous",
         "the runtime died " + std::to_string(deaths_) +
             " times while it worked on this request, so the request is not tried again. The last time: " +
             last_death_);
    return true;
}

// 1. Killed the runtime too often: poisonous. 2. Nothing has gone out, worth a try and tries left: again.
// 3. The failure.
void generation_run::settle_failure(const engine::run_failure& why) {
    if (refuse_poisonous()) {
        return;
    }
    if (!gone_out() && why.retryable && may_run_again()) {
        to_->take_back();
        telemetry::log().warn(
            "request id={} model={} try={} failed before anything of its answer went out ({}), waiting to "
            "run "
            "again: {}",
            request_.id, model_->name, tries_, why.cause,
            tells_why(why.kind) ? telemetry::printable(why.message, 500) : "");
        verdict_ = verdict::again;
        return;
    }
    fail(why);
}

// All text that counts is there. One that waits for its format goes out when it keeps to it, or when it was
// cut: then the client sees what there is and `length`.
void generation_run::conclude(chat::finish_reason reason) {
    concluded_ = true;
    if (filter_->stopped()) {
        reason = chat::finish_reason::stop;
    }
    if (gate_) {
        const bool cut = reason == chat::finish_reason::length;
        format_verdict judged = gate_->finish(cut);
        if (!judged.fits && !cut) {
            return settle_violation(judged.violation);
        }
        if (!judged.fits) {
            judged.text = std::string(gate_->written());
        } else if (!judged.text.empty()) {
            reason = chat::finish_reason::stop;
        }
        if (!judged.text.empty()) {
            to_->push(chat::text_event{std::move(judged.text)});
        }
    }
    finish(reason);
}

// A text that is no conversation has no place for a hint, so it is not asked again.
void generation_run::settle_violation(const std::string& violation) {
    if (is_conversation(request_) && may_run_again()) {
        telemetry::log().info("request id={} model={} try={} did not keep to the format, running again",
                              request_.id, model_->name, tries_);
        correction_ =
            with_correction(request_.messages, gate_->written(), chat::format_plan::correction(violation));
        unmet_ = true;
        verdict_ = verdict::again;
        return;
    }
    const std::string tries = gate_->tries() == 1 ? "1 try" : std::to_string(gate_->tries()) + " tries";
    fail(chat::failure_kind::format_unmet, "format-unmet",
         "the model's answer does not keep to the requested format after " + tries + ": " + violation);
}

void generation_run::finish(chat::finish_reason reason) {
    const core::steady_time now = with_.clock->now();
    chat::finished_event event{reason, figures_.usage(), figures_.timings(now)};
    if (to_->end(event)) {
        to_->note_timings(event.timings);
        outcome_ = reason == chat::finish_reason::stop ? "stop" : "length";
        ended_as_ = reason == chat::finish_reason::stop ? "stop" : "length";
        ended_well_ = true;
    }
}

void generation_run::fail(const engine::run_failure& why) {
    chat::failed_event event{why.kind, why.cause, why.message, why.retryable && !to_->answered(), {}};
    note_timings();
    if (to_->end(event)) {
        ended_as_ = name_of(why.kind);
        outcome_ = why.cause.empty() ? name_of(why.kind) : why.cause;
        why_ = tells_why(why.kind) ? why.message : std::string();
    }
}

void generation_run::fail(chat::failure_kind kind, std::string cause, std::string message) {
    engine::run_failure why;
    why.kind = kind;
    why.cause = std::move(cause);
    why.message = std::move(message);
    fail(why);
}

void generation_run::fail_as_cancelled() {
    if (to_->reader_gone()) {
        return fail(chat::failure_kind::cancelled, "cancelled", "the client has gone");
    }
    fail(chat::failure_kind::shutting_down, "shutting-down", "the server is shutting down");
}

// A token is a few bytes; a reader that takes nothing can hold a context's worth of text, and no more.
std::size_t generation_run::max_pending_bytes() const {
    constexpr std::size_t bytes_per_token = 64;
    constexpr std::size_t least = 1024 * 1024;
    return std::max(least, static_cast<std::size_t>(context_length_of(*model_)) * bytes_per_token);
}

// For the answer's headers and the log; only where there is a choice.
void generation_run::note_who_serves() {
    const engine::backend& runtime = **lease_;
    if (!with_.admission->tiers_of(model_->lane)) {
        return;
    }
    by_ = catalog::label_of(runtime.model());
    to_->served_by = by_;
    to_->tier = runtime.model().tier;
}

void generation_run::note_timings() {
    if (!to_->ended()) {
        to_->note_timings(figures_.timings(with_.clock->now()));
    }
}

// Of what goes on nothing, for its time is not known before its end.
void generation_run::note_stages_so_far() {
    chat::generation_timings now = figures_.timings(with_.clock->now());
    now.decode = core::nanoseconds{0};
    now.total = core::nanoseconds{0};
    now.detokenise.reset();
    to_->note_timings(now);
}

void generation_run::log_line() const {
    const chat::generation_timings took = to_->timings();
    const chat::token_usage usage = figures_.usage();
    const double decode_seconds = std::chrono::duration<double>(took.decode).count();
    const double rate = decode_seconds > 0 ? usage.generated_tokens / decode_seconds : 0.0;
    telemetry::log().info(
        "request id={} model={} client={} queue_ms={:.1f} reset_ms={:.1f} prefill_ms={:.1f} decode_ms={:.1f} "
        "total_ms={:.1f}{}{}{} "
        "prompt_tokens={} tokens={} rate={:.2f} tries={} format_tries={} dropped_messages={}{} outcome={}{}",
        request_.id, model_ == nullptr ? telemetry::printable(request_.model) : model_->name,
        telemetry::printable(request_.client), milliseconds_of(took.queue), milliseconds_of(took.reset),
        milliseconds_of(took.prefill), milliseconds_of(took.decode), milliseconds_of(took.total),
        part_text("tokenise", took.tokenise), part_text("detokenise", took.detokenise),
        part_text("delivery", took.delivery), usage.prompt_tokens, usage.generated_tokens, rate, tries_,
        gate_ ? gate_->tries() : 0, to_->dropped_messages, by_.empty() ? by_ : " by=" + by_, outcome_,
        why_.empty() ? std::string() : " why=\"" + telemetry::printable(why_, 500) + "\"");
}

}  // namespace corral::generation
