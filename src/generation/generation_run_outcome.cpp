// What becomes of what a run gives: events for the reader, another run, or the end.

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/chat/failure.hpp"
#include "corral/core/say.hpp"
#include "corral/generation/failure_words.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"
#include "generation/generation_run.hpp"

namespace corral::generation {

void generation_run::on_text(std::string_view piece, const engine::run_progress& now) {
    figures_.note_text(now);
    if (!report_.has_text()) {
        note_stages_so_far();
    }
    report_.note_piece(summary(), context_.clock->now());
    if (state_->ended() || state_->abandoned() || judged_) {
        return;
    }
    push(output_.feed(piece, now.usage.generated_tokens));
    if (output_.block()) {
        figures_.hide(output_.block()->tokens(), output_.block()->limit());
    }
    if (output_.complete()) {
        conclude(chat::finish_reason::stop);
        control_->cancel();
    } else if (output_.thoughts_ended()) {
        go_on_behind_thoughts();
    } else if (may_give_way()) {
        give_way();
    } else {
        bound_what_waits();
    }
}

void generation_run::on_logprobs(chat::token_logprobs tokens) {
    if (request_.top_logprobs && !judged_ && !state_->ended() && !state_->abandoned()) {
        output_.add(std::move(tokens));
        bound_what_waits();  // a runtime may tell of tokens for ever, and give no text
    }
}

void generation_run::bound_what_waits() {
    if (state_->pending_bytes() + output_.waiting_bytes() > max_pending_bytes()) {
        fail(chat::failure_kind::runtime_failed, core::say("request.answer-too-long"));
        control_->cancel();
    }
}

void generation_run::push(std::vector<chat::generation_event> events) {
    for (chat::generation_event& event : events) {
        state_->push(std::move(event));
    }
}

run_standing generation_run::standing() const {
    run_standing out;
    out.tries = tries_ - parts_;
    out.refits = refits_;
    out.harm = blame_.worst(*model_, tier_);
    out.gone_out = state_->gone_out();
    out.deadline_passed = deadline().passed(context_.clock->now());
    out.reader_gone = state_->reader_gone();
    out.abandoned = state_->abandoned();
    out.judged = judged_;
    out.may_be_corrected = is_conversation(request_) && !is_background(request_);
    return out;
}

retry_limits generation_run::limits() const {
    return {context_.options.max_tries, context_.options.poisonous_after};
}

// Called by the run's end and again by its return; the first one counts.
void generation_run::settle(const engine::run_outcome& outcome) {
    if (settled_) {
        return;
    }
    settled_ = true;
    figures_.note(outcome.progress);
    blame_.note(*model_, tier_, outcome.loss);
    if (state_->ended()) {
        return;
    }
    const end_of_run next = after_run(standing(), limits(), outcome);
    if (const auto* judge = std::get_if<judge_answer>(&next)) {
        const chat::finish_reason reason = output_.cut() ? chat::finish_reason::length : judge->reason;
        push(output_.finish(reason == chat::finish_reason::length));
        conclude(reason);
    } else if (const auto* again = std::get_if<run_again>(&next)) {
        carry_out(*again, *outcome.failure);
    } else if (const auto* failed = std::get_if<fail_request>(&next)) {
        carry_out(*failed);
    }
}

bool generation_run::may_run(unsigned tier) {
    const auto refused = before_run(blame_.harm(*model_, tier), limits(), context_.clock->now());
    if (refused) {
        carry_out(*refused);
    }
    return !refused;
}

// Of a prompt that could not be measured, or does not fit.
void generation_run::settle_failure(const chat::failure& why) {
    const auto next = after_failure(standing(), limits(), why);
    if (const auto* again = std::get_if<run_again>(&next)) {
        carry_out(*again, why);
    } else {
        carry_out(std::get<fail_request>(next));
    }
}

// All text that counts is there.
void generation_run::conclude(chat::finish_reason reason) {
    judged_ = true;
    state_->notes().stopped_by = output_.stopped_by();
    answer_output::judgement judged = output_.judge(reason);
    std::visit([this](auto&& next) { carry_out(std::forward<decltype(next)>(next)); },
               after_answer(standing(), limits(), judged.reason, std::move(judged.format), judged.misfit));
}

void generation_run::carry_out(const run_again&, const chat::failure& why) {
    state_->take_back();
    forget_parts();
    refits_ += why.kind == chat::failure_kind::context_too_long ? 1 : 0;
    telemetry::warn(core::say("run.again/waits", request_.id, model_->name, tries_, name_of(why),
                              context_.options.log_content || tells_why(why)
                                  ? core::reason::unlisted(telemetry::printable(why.message, 500))
                                  : core::say("run.again/unsaid")));
    verdict_ = verdict::again;
}

void generation_run::carry_out(run_corrected next) {
    telemetry::log().info("request id={} model={} try={} did not keep to the format, running again",
                          request_.id, model_->name, tries_);
    correction_ = output_.corrected(request_.messages, next.violation);
    if (model_->entry->runtime.traits.formats != catalog::format_form::none && tool_names(request_).empty()) {
        request_.thinking = chat::thinking_mode::off;  // so that it can be held to it
    }
    keeps_figures_ = true;
    verdict_ = verdict::again;
}

void generation_run::carry_out(finish_request next) {
    if (!next.text.empty()) {
        state_->push(chat::text_event{std::move(next.text)});
    }
    push(output_.release());
    finish(next.reason);
}

void generation_run::carry_out(const fail_request& next) {
    verdict_ = verdict::over;
    if (is(next.why, "poisonous")) {
        telemetry::error(core::say("run.poisonous", request_.id, model_->name,
                                   telemetry::printable(request_.client), standing().harm.deaths,
                                   standing().harm.hangs, telemetry::printable(standing().harm.last)));
    }
    fail(next.why);
}

void generation_run::finish(chat::finish_reason reason) {
    const core::steady_time now = context_.clock->now();
    chat::finished_event event{reason, figures_.usage(), figures_.timings(now)};
    event.logprobs = output_.take_logprobs(state_->notes().stopped_by);
    if (lease_) {
        blame_.pardon(*model_, tier_);
    }
    if (state_->end(event)) {
        state_->note_timings(event.timings);
        report_.note_finish(reason);
    }
}

void generation_run::fail(chat::failure why) {
    why.retryable = why.retryable && !state_->answered();
    end_with(std::move(why));
}

void generation_run::end_with(chat::failure why) {
    if (output_.call_waits() && !state_->abandoned()) {
        // Of the run that was to make a better one.
        return carry_out(finish_request{});
    }
    note_timings();
    std::optional<core::seconds> load;
    if (model_ != nullptr) {  // of a name that is none
        const auto all = context_.admission->runtimes_of(model_->deployment);
        load = engine::until_ready(all, context_.clock->now());
        if (context_.admission->suspended(model_->deployment)) {
            why = of_stopped_model(std::move(why), scheduler::suspension_text(model_->deployment));
        }
    }
    if (state_->end(for_client(why, load))) {
        report_.note_failure(why);
    }
}

void generation_run::fail(chat::failure_kind kind, core::reason message) {
    chat::failure why;
    why.kind = kind;
    why.message = std::move(message);
    fail(why);
}

// A token is a few bytes; a reader that takes nothing can hold a context's worth of text, and no more.
std::size_t generation_run::max_pending_bytes() const {
    constexpr std::size_t bytes_per_token = 64;
    constexpr std::size_t least = 1024 * 1024;
    constexpr std::size_t for_logprobs = 8UL * 1024 * 1024;
    return std::max(least, static_cast<std::size_t>(context_length_of(*model_)) * bytes_per_token) +
           (request_.top_logprobs ? for_logprobs : 0);
}

// For the answer's headers, log and journal.
void generation_run::note_who_serves() {
    const catalog::model_entry& entry = (*lease_)->model();
    std::string label = catalog::label_of(entry);
    answer_notes& notes = state_->notes();
    if (context_.admission->tiers_of(model_->deployment)) {
        notes.served_by = label;
        notes.tier = entry.tier;
    }
    const core::nanoseconds since = context_.clock->now() - request_.arrived;
    const auto arrived = std::chrono::system_clock::now() -
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
    report_.begin(summary(), std::move(label), notes.served_by, arrived);
}

void generation_run::note_timings() {
    if (!state_->ended()) {
        state_->note_timings(figures_.timings(context_.clock->now()));
    }
}

// Of what goes on nothing, for its time is not known before its end.
void generation_run::note_stages_so_far() {
    chat::generation_timings now = figures_.timings(context_.clock->now());
    now.decode = core::nanoseconds{0};
    now.total = core::nanoseconds{0};
    now.detokenise.reset();
    state_->note_timings(now);
}

request_summary generation_run::summary() const {
    chat::generation_timings timings = state_->timings();
    if (!state_->ended()) {
        const std::optional<core::nanoseconds> delivery = timings.delivery;
        timings = figures_.timings(context_.clock->now());
        timings.delivery = delivery;
    }
    return {request_,
            model_.get(),
            timings,
            figures_.usage(),
            tries_,
            output_.format_tries(),
            state_->notes().cuts,
            figures_.start(),
            output_.call_counts()};
}

}  // namespace corral::generation
