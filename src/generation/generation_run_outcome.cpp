// What becomes of what a run gives: events for the reader, another run, or the end.

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/chat/failure.hpp"
#include "corral/core/say.hpp"
#include "corral/generation/failure_words.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"
#include "generation/format_request.hpp"
#include "generation/generation_run.hpp"

namespace corral::generation {

namespace {

std::string tool_call_id(core::random_source& random) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    constexpr int length = 8;
    std::string out = "call_";
    std::uint64_t bits = random.next();
    for (int i = 0; i < length; ++i) {
        out += letters[static_cast<std::size_t>(bits % letters.size())];
        bits /= letters.size();
    }
    return out;
}

}  // namespace

void generation_run::on_text(std::string_view piece, const engine::run_progress& now) {
    figures_.note_text(now);
    if (!report_.has_text()) {
        note_stages_so_far();
    }
    report_.note_piece(summary(), with_.clock->now());
    if (to_->ended() || to_->abandoned() || judged_) {
        return;
    }
    show(piece, now.usage.generated_tokens);
    if (filter_->stopped() || (gate_ && gate_->complete()) || (calls_ && calls_->asks())) {
        conclude(chat::finish_reason::stop);
        control_->cancel();
    } else if (thoughts_ && !thoughts_->empty() && gate_->waiting_bytes() > 0) {
        go_on_behind_thoughts();
    } else if (may_give_way()) {
        give_way();
    } else {
        bound_what_waits();
    }
}

void generation_run::bound_what_waits() {
    const std::size_t waiting = to_->pending_bytes() + tokens_.bytes() +
                                (gate_ ? gate_->waiting_bytes() : 0) + (thoughts_ ? thoughts_->size() : 0);
    if (waiting > max_pending_bytes()) {
        fail(chat::failure_kind::runtime_failed, "answer-too-long", core::say("request.answer-too-long"));
        control_->cancel();
    }
}

void generation_run::show(std::string_view piece, std::uint32_t generated) {
    if (block_ && !block_->admits(generated)) {
        return;  // the runtime ends by itself soon, and then tells its figures
    }
    std::vector<chat::generation_event> events = filter_->feed(piece);
    if (block_ && filter_->before_answer()) {
        tokens_.clear();  // of the block
    }
    tell_logprobs(events);
    push(std::move(events));
    if (block_) {
        block_->look(filter_->swallowed_block(), filter_->before_answer());
        figures_.hide(block_->tokens(), block_->limit());
    }
}

void generation_run::on_logprobs(chat::token_logprobs tokens) {
    if (request_.top_logprobs && !judged_ && !to_->ended() && !to_->abandoned()) {
        tokens_.add(std::move(tokens));
        bound_what_waits();  // a runtime may tell of tokens for ever, and give no text
    }
}

// Of an answer with a format it is known only at its end which run was the one.
void generation_run::tell_logprobs(std::vector<chat::generation_event>& events) {
    for (chat::generation_event& event : events) {
        auto* const text = std::get_if<chat::text_event>(&event);
        auto* const thinking = std::get_if<chat::thinking_event>(&event);
        if (!gate_ && (text != nullptr || thinking != nullptr)) {
            (text != nullptr ? text->logprobs : thinking->logprobs) =
                filter_->stopped() ? tokens_.take_all(filter_->stopped_by()) : tokens_.take();
            return;
        }
    }
}

// A model without a switch thinks although it was told not to; that part is not wanted then.
void generation_run::push(std::vector<chat::generation_event> events) {
    if (gate_) {
        events = gate_->pass(std::move(events));
    }
    for (chat::generation_event& event : events) {
        if (auto* call = std::get_if<chat::tool_call_event>(&event);
            call != nullptr && call->call.id.empty()) {
            call->call.id = tool_call_id(*with_.random);
        }
    }
    if (calls_) {
        events = calls_->pass(std::move(events));
    }
    const bool unwanted = request_.thinking == chat::thinking_mode::off;
    for (chat::generation_event& event : events) {
        if (const auto* thinking = std::get_if<chat::thinking_event>(&event);
            thinking != nullptr && thoughts_) {
            *thoughts_ += thinking->text;
        }
        if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
            thinking_ += thinking->text;
        }
        called_ = called_ || std::holds_alternative<chat::tool_call_event>(event);
        if (const auto* text = std::get_if<chat::text_event>(&event)) {
            answer_ += text->text;
        }
        if (!unwanted || !std::holds_alternative<chat::thinking_event>(event)) {
            to_->push(std::move(event));
        }
    }
}

run_standing generation_run::standing() const {
    run_standing out;
    out.tries = tries_ - parts_;
    out.refits = refits_;
    out.harm = harm(tier_);
    const auto own = own_.find({}, outside_faults(), with_.clock->now());
    if (own && own->losses > out.harm.losses) {
        out.harm = *own;
    }
    out.gone_out = to_->gone_out();
    out.deadline_passed = deadline().passed(with_.clock->now());
    out.reader_gone = to_->reader_gone();
    out.abandoned = to_->abandoned();
    out.judged = judged_;
    out.may_be_corrected = is_conversation(request_) && !is_background(request_);
    return out;
}

retry_limits generation_run::limits() const {
    return {with_.options.max_tries, with_.options.poisonous_after};
}

// Called by the run's end and again by its return; the first one counts.
void generation_run::settle(const engine::run_outcome& outcome) {
    if (settled_) {
        return;
    }
    settled_ = true;
    figures_.note(outcome.progress);
    note_loss(outcome.loss);
    if (to_->ended()) {
        return;
    }
    const end_of_run next = after_run(standing(), limits(), outcome);
    if (const auto* judge = std::get_if<judge_answer>(&next)) {
        const bool cut = block_ && block_->cut();
        const chat::finish_reason reason = cut ? chat::finish_reason::length : judge->reason;
        std::vector<chat::generation_event> rest = filter_->finish(reason == chat::finish_reason::length);
        tell_logprobs(rest);
        push(std::move(rest));
        conclude(reason);
    } else if (const auto* again = std::get_if<run_again>(&next)) {
        carry_out(*again, *outcome.failure);
    } else if (const auto* failed = std::get_if<fail_request>(&next)) {
        carry_out(*failed);
    }
}

// What was lost to a prompt shows at the end of its run, or when the runtime does not come to rest after it.
void generation_run::note_loss(const engine::run_loss& loss) {
    if (loss_noted_ || loss.what == engine::run_loss::how::none) {
        return;
    }
    loss_noted_ = true;
    hung_ = loss.what == engine::run_loss::how::hung;
    const core::steady_time now = with_.clock->now();
    const std::uint64_t stand = outside_faults();
    own_.note({}, loss, stand, now);
    with_.quarantine->note(with_.quarantine->mark_of(content_, model_->deployment, tier_), loss, stand, now);
}

prompt_record generation_run::harm(unsigned tier) const {
    if (with_.quarantine->empty()) {
        return {};
    }
    const prompt_mark mark = with_.quarantine->mark_of(content_, model_->deployment, tier);
    return with_.quarantine->find(mark, outside_faults(), with_.clock->now()).value_or(prompt_record{});
}

bool generation_run::may_run(unsigned tier) {
    const auto refused = before_run(harm(tier), limits(), with_.clock->now());
    if (refused) {
        carry_out(*refused);
    }
    return !refused;
}

std::uint64_t generation_run::outside_faults() const {
    std::uint64_t out = 0;
    for (const engine::backend* const each : with_.admission->runtimes_of(model_->deployment)) {
        out += each->outside_faults();
    }
    return out;
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
    to_->notes().stopped_by = filter_->stopped_by();
    if (filter_->stopped()) {
        reason = chat::finish_reason::stop;
    }
    std::optional<std::string> misfit;
    if (calls_ && calls_->asks()) {
        misfit = calls_->violation();
    }
    std::optional<judged_answer> format;
    if (gate_) {
        format_verdict verdict = gate_->finish(reason == chat::finish_reason::length);
        format = judged_answer{std::move(verdict), std::string(gate_->written()), gate_->tries()};
    }
    std::visit([this](auto&& next) { carry_out(std::forward<decltype(next)>(next)); },
               after_answer(standing(), limits(), reason, std::move(format), misfit));
}

void generation_run::carry_out(const run_again&, const chat::failure& why) {
    to_->take_back();
    forget_parts();
    refits_ += why.kind == chat::failure_kind::context_too_long ? 1 : 0;
    telemetry::warn(
        "run.again",
        "request id={} model={} try={} failed before anything of its answer went out ({}), waiting to run "
        "again: {}",
        request_.id, model_->name, tries_, why.cause,
        with_.options.log_content || tells_why(why) ? telemetry::printable(why.message, 500)
                                                    : "its words may quote the prompt and are not logged");
    verdict_ = verdict::again;
}

void generation_run::carry_out(run_corrected next) {
    telemetry::log().info("request id={} model={} try={} did not keep to the format, running again",
                          request_.id, model_->name, tries_);
    const bool by_call = calls_ && calls_->asks();
    correction_ = by_call ? with_correction(request_.messages, calls_->call(), next.violation)
                          : with_correction(request_.messages, gate_->written(),
                                            chat::format_plan::correction(next.violation));
    if (model_->entry->runtime.traits.formats != catalog::format_form::none && tool_names(request_).empty()) {
        request_.thinking = chat::thinking_mode::off;  // so that it can be held to it
    }
    keeps_figures_ = true;
    verdict_ = verdict::again;
}

void generation_run::carry_out(finish_request next) {
    if (!next.text.empty()) {
        to_->push(chat::text_event{std::move(next.text)});
    }
    if (calls_) {
        for (chat::generation_event& event : calls_->release()) {
            to_->push(std::move(event));
        }
    }
    finish(next.reason);
}

void generation_run::carry_out(const fail_request& next) {
    verdict_ = verdict::over;
    if (next.why.cause == poisonous_cause) {
        telemetry::error(
            "run.poisonous",
            "request id={} model={} client={} is deadly, for the runtime died {} times in it and hung {} "
            "times; at last: {}",
            request_.id, model_->name, telemetry::printable(request_.client), standing().harm.deaths,
            standing().harm.hangs, telemetry::printable(standing().harm.last));
    }
    fail(next.why);
}

void generation_run::finish(chat::finish_reason reason) {
    const core::steady_time now = with_.clock->now();
    chat::finished_event event{reason, figures_.usage(), figures_.timings(now)};
    event.logprobs = tokens_.take_all(to_->notes().stopped_by);
    if (!with_.quarantine->empty() && lease_) {
        with_.quarantine->pardon(with_.quarantine->mark_of(content_, model_->deployment, tier_));
    }
    if (to_->end(event)) {
        to_->note_timings(event.timings);
        report_.note_finish(reason);
    }
}

void generation_run::fail(chat::failure why) {
    why.retryable = why.retryable && !to_->answered();
    end_with(why);
}

void generation_run::end_with(const chat::failure& why) {
    if (calls_ && calls_->waits() && !to_->abandoned()) {
        // Of the run that was to make a better one.
        return carry_out(finish_request{});
    }
    note_timings();
    std::optional<core::seconds> load;
    if (model_ != nullptr) {  // of a name that is none
        const auto all = with_.admission->runtimes_of(model_->deployment);
        load = engine::until_ready(all, with_.clock->now());
    }
    if (to_->end(for_client(why, load))) {
        report_.note_failure(why);
    }
}

void generation_run::fail(chat::failure_kind kind, std::string cause, core::reason message) {
    chat::failure why;
    why.kind = kind;
    why.cause = std::move(cause);
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
    answer_notes& notes = to_->notes();
    if (with_.admission->tiers_of(model_->deployment)) {
        notes.served_by = label;
        notes.tier = entry.tier;
    }
    const core::nanoseconds since = with_.clock->now() - request_.arrived;
    const auto arrived = std::chrono::system_clock::now() -
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
    report_.begin(summary(), std::move(label), notes.served_by, arrived);
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

request_summary generation_run::summary() const {
    chat::generation_timings timings = to_->timings();
    if (!to_->ended()) {
        const std::optional<core::nanoseconds> delivery = timings.delivery;
        timings = figures_.timings(with_.clock->now());
        timings.delivery = delivery;
    }
    const unsigned format_tries = gate_ ? gate_->tries() : 0;
    const telemetry::call_counts calls = calls_ ? calls_->counts() : telemetry::call_counts{};
    return {request_,          model_.get(),     timings, figures_.usage(), tries_, format_tries,
            to_->notes().cuts, figures_.start(), calls};
}

}  // namespace corral::generation
