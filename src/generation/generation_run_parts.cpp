// Answers that are written in parts, and what the turns before and behind an answer need.

#include <optional>
#include <utility>

#include "corral/core/stated_number.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"
#include "generation/generation_run.hpp"

namespace corral::generation {

// As Ollama has it: the thoughts are free, and the value behind them is not. Nothing after this run thinks again.
void generation_run::go_on_behind_thoughts() {
    chat::message answer;
    answer.from = chat::role::assistant;
    answer.thinking = output_.thinking();
    answer.thought = true;
    correction_ = request_.messages;
    correction_.push_back(std::move(answer));
    request_.thinking = chat::thinking_mode::off;
    will_go_on_ = true;
    judged_ = true;
    keeps_figures_ = true;
    ++parts_;
    verdict_ = verdict::again;
    control_->cancel();
}

// Not where a piece of the answer is judged as a whole, or could not be gone on with word for word.
bool generation_run::may_give_way() const {
    constexpr unsigned most_parts = 8;
    if (!is_job_ || output_.text().empty()) {
        return false;
    }
    const auto loads = context_.admission->people_wait(model_->deployment, **lease_);
    if (!loads) {
        return false;
    }
    const chat::token_usage used = figures_.usage();
    const std::optional<std::uint32_t> most = max_tokens(request_.limits, context_length_of(*model_));
    if (most && used.generated_tokens >= *most) {
        return false;  // it ends here by itself
    }
    if (*loads > core::nanoseconds{0} && !gains_by_loads(*loads, most, used.generated_tokens)) {
        return false;
    }
    const bool plain = output_.is_plain() && !forced_ && !request_.top_logprobs && !request_.hole &&
                       is_conversation(request_) && !has_images(request_) && begun_answer(request_).empty() &&
                       !state_->notes().cuts.any();
    return plain && parts_ < most_parts && (*lease_)->facts().takes_verbatim && leaves_room();
}

// For one more turn behind what was read and written.
bool generation_run::leaves_room() const {
    constexpr std::uint32_t margin = 64;  // tokens: a text's ids are not always those that wrote it
    const std::uint32_t limit = (*lease_)->learned().prompt_limit;
    const chat::token_usage used = figures_.usage();
    return limit > 0 && core::sum_of(used.prompt_tokens, used.generated_tokens) + margin < limit;
}

// It would not end sooner than both models are loaded once more, and is back in time.
bool generation_run::gains_by_loads(core::nanoseconds loads, std::optional<std::uint32_t> most,
                                    std::uint32_t made) const {
    const core::steady_time now = context_.clock->now();
    if (deadline().left(now) / 2 <= loads) {
        return false;
    }
    const double so_far = core::as_seconds(figures_.timings(now).decode);
    return !most || so_far * (*most - made) / std::max(made, 1U) > core::as_seconds(loads);
}

void generation_run::give_way() {
    chat::message begun;
    begun.from = chat::role::assistant;
    begun.content = output_.text();
    begun.thinking = output_.thinking();
    begun.thought = true;
    correction_ = request_.messages;
    correction_.push_back(std::move(begun));
    if (!gave_way_) {
        thinking_of_whole_ = request_.thinking;
    }
    request_.thinking = chat::thinking_mode::off;
    will_go_on_ = gave_way_ = true;
    judged_ = true;
    keeps_figures_ = true;
    figures_.count_no_more();  // what the stop lets through is made once more
    ++parts_;
    verdict_ = verdict::again;
    stays_.reset();  // its model may go
    telemetry::log().debug("request id={} gives way to somebody who waits", request_.id);
    control_->cancel();
}

// Nothing of its parts has gone out, and the next run begins with the first.
void generation_run::forget_parts() {
    if (std::exchange(gave_way_, false)) {
        state_->take_back();
        request_.thinking = thinking_of_whole_;
        figures_ = {};
        figures_.arrive(request_.arrived);
    }
}

void generation_run::move_lines() {
    const bool may = model_->entry->moves_lines && is_conversation(request_) && !request_.messages.empty() &&
                     request_.messages.front().from == chat::role::system && !is_background(request_);
    if (!may) {
        return;
    }
    if (!lines_) {
        lines_ =
            context_.lines->settle(turn_summaries::share_of(request_), request_.messages.front().content);
    }
    if (auto moved = with_lines_moved(request_.messages, *lines_)) {
        request_.messages = *std::move(moved);
        state_->notes().moved_lines = lines_->count;
        if (!request_.idle_work) {
            context_.shortened->add_moved(request_.client, model_->name, lines_->count,
                                          context_.clock->now());
        }
    }
}

std::optional<summary_wish> generation_run::take_wish() {
    if (unsummarised_.marks.empty()) {
        return std::nullopt;
    }
    summary_wish out;
    out.share = turn_summaries::share_of(request_);
    out.of = std::move(unsummarised_);
    out.asking.id = request_.id + "-summary";
    out.asking.client = request_.client;
    out.asking.owner = request_.owner;
    out.asking.model_typed = request_.model_typed;
    out.asking.model = request_.model;
    out.asking.idle_work = true;
    return out;
}

// Most templates leave out the thoughts of earlier turns whoever sends them, but not those in front of a call. What this
// client does with them is known by what it sent behind its last question.
std::optional<bool> generation_run::sends_thoughts() const {
    const auto& all = request_.messages;
    for (auto each = all.rbegin(); each != all.rend() && each->from != chat::role::user; ++each) {
        if (each->from == chat::role::assistant) {
            return !each->thinking.empty();
        }
    }
    return std::nullopt;
}

bool generation_run::knows_next() const {
    if (output_.called().empty()) {
        return !output_.text().empty();
    }
    const bool thought = !output_.thinking().empty() && request_.thinking != chat::thinking_mode::off;
    return !thought || sends_thoughts().has_value();
}

bool generation_run::expects_next() const {
    constexpr std::size_t most = std::size_t{128} * 1024;  // bytes that are copied
    std::size_t bytes = 0;
    for (const chat::message& each : request_.messages) {
        bytes += each.content.size() + each.thinking.size();
    }
    return bytes <= most && (*lease_)->facts().computes_ahead && state_->ended() && !state_->abandoned_at() &&
           knows_next() && is_conversation(request_) && !forced_ && !is_batch(request_) &&
           !request_.idle_work && begun_answer(request_).empty() &&
           context_.admission->queue_of(model_->deployment).waiting == 0;
}

// Rendered and cut as that request would be. Only near the limit is it counted, which costs whoever comes meanwhile a
// few calls of the tokenizer at most.
core::awaitable<void> generation_run::expect_next() {
    constexpr core::seconds patience{2};
    constexpr const char* words = "Xqzvjkw wkjvzqx";  // not in any text
    chat::generation_request next = request_;
    next.sampling = asked_.sampling;
    next.limits = asked_.limits;
    next.thinking = asked_.thinking;
    if (asked_.messages) {
        next.messages = *asked_.messages;
    }
    chat::message answer;
    answer.from = chat::role::assistant;
    answer.content = output_.text();
    answer.calls = output_.called();
    if (!answer.calls.empty() && sends_thoughts().value_or(false)) {
        answer.thinking = output_.thinking();
    }
    chat::message more;
    more.content = words;
    if (!answer.calls.empty()) {
        more.from = chat::role::tool;
        more.tool_name = answer.calls.front().name;
        more.tool_call_id = answer.calls.front().id;
    }
    next.messages.push_back(std::move(answer));
    next.messages.push_back(std::move(more));
    if (lines_ && lines_->count > 0) {
        next.messages.front().content = lines_->fixed;  // what moves stands behind the beginning
    }
    auto preparing =
        prepare_beside(context_.options.rendering, next, *model_, std::chrono::system_clock::now());
    preparation prepared = co_await std::move(preparing);
    if (!prepared) {
        co_return;
    }
    std::optional<chat::rendered_prompt> whole = std::move(prepared->prompt);
    const bool readable = whole && (!whole->verbatim || (*lease_)->facts().takes_verbatim);
    if (readable && leaves_room() && !state_->notes().cuts.any()) {
        (*lease_)->expect(*std::move(whole), words, request_.owner);
        co_return;
    }
    const core::deadline until = core::deadline::after(patience, context_.clock->now()).sooner(deadline());
    auto fitting = fit_prompt(**lease_, prepared->how, next, next.messages, std::move(whole), may_shorten(),
                              until, context_.options.rendering, nullptr,
                              sums_up() ? context_.summaries.get() : nullptr, context_.kept.get());
    fit_result fitted = co_await std::move(fitting);
    if (fitted) {
        (*lease_)->expect(std::move(fitted->prompt), words, request_.owner);
    }
}

}  // namespace corral::generation
