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
#include "generation/request_preparation.hpp"

namespace corral::generation {

void generation_run::on_text(std::string_view piece, const engine::run_progress& now) {
    figures_.note_text(now);
    if (!report_.has_text()) {
        state_->note_timings(figures_.stages_so_far(context_.clock->now()));
    }
    report_.note_piece(summary(), context_.clock->now());
    if (state_->ended() || state_->abandoned() || course_.next()) {
        return;  // what it gave is judged; the rest of it is not wanted
    }
    state_->push(output_.feed(piece, now.usage.generated_tokens));
    if (output_.has_text()) {
        lease_->text_begins();
    }
    if (output_.block()) {
        figures_.hide(output_.block()->tokens(), output_.block()->limit());
    }
    if (output_.complete()) {
        conclude(chat::finish_reason::stop);
        state_->stop_run();
    } else if (output_.thoughts_ended()) {
        go_on_behind_thoughts();
    } else if (may_give_way()) {
        give_way();
    } else {
        bound_what_waits();
    }
}

void generation_run::on_logprobs(chat::token_logprobs tokens) {
    if (request_->top_logprobs && !course_.next() && !state_->ended() && !state_->abandoned()) {
        output_.add(std::move(tokens));
        bound_what_waits();  // a runtime may tell of tokens for ever, and give no text
    }
}

void generation_run::bound_what_waits() {
    if (state_->pending_bytes() + output_.waiting_bytes() >
        max_pending_bytes(*request_, context_length_of(*model_))) {
        fail({chat::failure_kind::runtime_failed, core::say("request.answer-too-long")});
        state_->stop_run();
    }
}

// As Ollama has it: the thoughts are free, and the value behind them is not. Nothing after this run thinks again.
void generation_run::go_on_behind_thoughts() {
    course_.go_on(request_->messages, output_.turn());
    request_.think_no_more();
    state_->stop_run();
}

// Not where a piece of the answer is judged as a whole, or could not be gone on with word for word.
bool generation_run::may_give_way() const {
    const auto loads =
        output_.has_text() ? context_.admission->people_wait(model_->deployment, **lease_) : std::nullopt;
    if (!loads || !is_batch(*request_)) {  // in this order, for of each piece the second costs more
        return false;
    }
    const core::steady_time clock = context_.clock->now();
    waited_for now;
    now.loads = *loads;
    now.left = deadline().left(clock);
    now.decode = figures_.timings(clock).decode;
    now.generated = figures_.usage().generated_tokens;
    now.most = max_tokens(request_->limits, context_length_of(*model_));
    now.parts = course_.parts();
    return gives_way(now) && yields() && !state_->notes().cuts.any() && (*lease_)->facts().takes_verbatim &&
           figures_.leaves_room((*lease_)->learned().prompt_limit);
}

bool generation_run::yields() const {
    return course_.parts() < most_parts && output_.is_plain() && request_.may_go_on() &&
           model_->runtime->facts().takes_verbatim;
}

void generation_run::give_way() {
    course_.give_way(request_->messages, output_.turn());
    request_.think_no_more();
    figures_.count_no_more();  // what the stop lets through is made once more
    stays_.reset();            // its model may go
    telemetry::log().debug("request id={} gives way to somebody who waits", request_->id);
    state_->stop_run();
}

void generation_run::forget_parts() {
    if (course_.forget_parts()) {
        state_->take_back();
        request_.think_as_asked();
        figures_ = {};
        figures_.arrive(request_->arrived);
    }
}

run_standing generation_run::standing() const {
    run_standing out;
    out.tries = course_.tries();
    out.refits = course_.refits();
    out.harm = blame_.worst();
    out.gone_out = state_->gone_out();
    out.deadline_passed = deadline().passed(context_.clock->now());
    out.reader_gone = state_->reader_gone();
    out.abandoned = state_->abandoned();
    out.judged = course_.next().has_value();
    out.may_be_corrected = is_conversation(*request_) && !is_background(*request_);
    return out;
}

retry_limits generation_run::limits() const {
    return {context_.options.max_tries, context_.options.poisonous_after};
}

void generation_run::settle(const engine::run_outcome& outcome) {
    figures_.note(outcome.progress);
    blame_.note(outcome.loss);
    if (state_->ended()) {
        return;
    }
    const end_of_run next = after_run(standing(), limits(), outcome);
    if (const auto* judge = std::get_if<judge_answer>(&next)) {
        const chat::finish_reason reason = output_.cut() ? chat::finish_reason::length : judge->reason;
        state_->push(output_.finish(reason == chat::finish_reason::length));
        conclude(reason);
    } else if (const auto* again = std::get_if<run_again>(&next)) {
        carry_out(*again, *outcome.failure);
    } else if (const auto* failed = std::get_if<fail_request>(&next)) {
        carry_out(*failed);
    }
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
    state_->notes().stopped_by = output_.stopped_by();
    answer_output::judgement judged = output_.judge(reason);
    std::visit([this](auto&& next) { carry_out(std::forward<decltype(next)>(next)); },
               after_answer(standing(), limits(), judged.reason, std::move(judged.format), judged.misfit));
}

void generation_run::carry_out(const run_again&, const chat::failure& why) {
    state_->take_back();
    forget_parts();
    course_.start_over();
    if (why.kind == chat::failure_kind::context_too_long) {
        course_.count_refit();
    }
    telemetry::warn(core::say("run.again/waits", request_->id, model_->name, course_.runs(), name_of(why),
                              context_.options.log_content || tells_why(why)
                                  ? core::reason::unlisted(telemetry::printable(why.message, 500))
                                  : core::say("run.again/unsaid")));
}

void generation_run::carry_out(run_corrected next) {
    telemetry::log().info("request id={} model={} try={} did not keep to the format, running again",
                          request_->id, model_->name, course_.runs());
    course_.correct(output_.corrected(request_->messages, next.violation));
    if (model_->entry->runtime.traits.formats != catalog::format_form::none &&
        tool_names(*request_).empty()) {
        request_.think_no_more();  // so that it can be held to it
    }
}

void generation_run::carry_out(finish_request next) {
    if (!next.text.empty()) {
        state_->push(chat::text_event{std::move(next.text)});
    }
    state_->push(output_.release());
    finish(next.reason);
}

void generation_run::carry_out(const fail_request& next) {
    if (is(next.why, "poisonous")) {
        const prompt_record harm = blame_.worst();
        telemetry::error(core::say("run.poisonous", request_->id, model_->name,
                                   telemetry::printable(request_->client), harm.deaths, harm.hangs,
                                   telemetry::printable(harm.last)));
    }
    fail(next.why);
}

void generation_run::finish(chat::finish_reason reason) {
    const core::steady_time now = context_.clock->now();
    chat::finished_event event{reason, figures_.usage(), figures_.timings(now)};
    event.logprobs = output_.take_logprobs(state_->notes().stopped_by);
    if (lease_) {
        blame_.pardon();
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

// For the answer's headers, log and journal.
void generation_run::note_who_serves() {
    const catalog::model_entry& entry = (*lease_)->model();
    std::string label = catalog::label_of(entry);
    answer_notes& notes = state_->notes();
    if (context_.admission->tiers_of(model_->deployment)) {
        notes.served_by = label;
        notes.tier = entry.tier;
    }
    const core::nanoseconds since = context_.clock->now() - request_->arrived;
    const auto arrived = std::chrono::system_clock::now() -
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
    report_.begin(summary(), std::move(label), notes.served_by, arrived);
}

void generation_run::note_timings() {
    if (!state_->ended()) {
        state_->note_timings(figures_.timings(context_.clock->now()));
    }
}

request_summary generation_run::summary() const {
    chat::generation_timings timings = state_->timings();
    if (!state_->ended()) {
        const std::optional<core::nanoseconds> delivery = timings.delivery;
        timings = figures_.timings(context_.clock->now());
        timings.delivery = delivery;
    }
    return {*request_,
            model_.get(),
            timings,
            figures_.usage(),
            course_.runs(),
            output_.format_tries(),
            state_->notes().cuts,
            figures_.start(),
            output_.call_counts()};
}

}  // namespace corral::generation
