#include "generation/model_request.hpp"

#include <algorithm>

#include "corral/core/stated_number.hpp"
#include "corral/generation/readiness.hpp"
#include "generation/request_preparation.hpp"
#include "generation/turn_summaries.hpp"

namespace corral::generation {

chat::generation_request& model_request::open(const served_model& model) {
    before_ = as_asked{request_.sampling, request_.limits, request_.thinking, std::nullopt};
    if (model.variant != nullptr || !request_.format.is_null() || !request_.must_call.empty() ||
        model.entry->moves_lines) {
        before_->messages = request_.messages;
    }
    return request_;
}

std::size_t model_request::move_lines(moving_lines& known, const served_model& model) {
    const bool may = model.entry->moves_lines && is_conversation(request_) && !request_.messages.empty() &&
                     request_.messages.front().from == chat::role::system && !is_background(request_);
    if (!may) {
        return 0;
    }
    if (!lines_) {
        lines_ = known.settle(turn_summaries::share_of(request_), request_.messages.front().content);
    }
    auto moved = with_lines_moved(request_.messages, *lines_);
    if (!moved) {
        return 0;
    }
    request_.messages = *std::move(moved);
    return lines_->count;
}

void model_request::accept(chat::render_options how, chat::rendered_prompt prompt,
                           std::optional<chat::forced_call> call) {
    how_ = std::move(how);
    prompt_ = std::move(prompt);
    forced_ = std::move(call);
}

void model_request::restore(chat::generation_request& prepared, as_asked before) {
    prepared.sampling = before.sampling;
    prepared.limits = std::move(before.limits);
    prepared.thinking = before.thinking;
    if (before.messages) {
        prepared.messages = *std::move(before.messages);
    }
}

void model_request::take_back() {
    restore(request_, *std::exchange(before_, std::nullopt));
    prompt_.reset();
}

bool model_request::put_long_prompt_aside(const std::vector<engine::backend*>& runtimes) {
    constexpr std::size_t most_kept = 16 * 1024;
    held_before_.clear();
    if (!prompt_ || prompt_->system.size() + prompt_->turns.size() <= most_kept) {
        return false;
    }
    for (const engine::backend* const each : runtimes) {
        held_before_.emplace_back(each, each->held_bytes(*prompt_, request_.owner));
    }
    take_back();
    return true;
}

std::size_t model_request::held_at(const engine::backend& at) const {
    if (prompt_) {
        return at.held_bytes(*prompt_, request_.owner);
    }
    const auto found =
        std::ranges::find(held_before_, &at, &std::pair<const engine::backend*, std::size_t>::first);
    return found == held_before_.end() ? 0 : found->second;
}

bool model_request::may_shorten(const served_model& model) const {
    return request_.limits.truncate && model.entry->oversize != catalog::oversize_policy::refuse;
}

bool model_request::may_go_on() const {
    return !forced_ && !request_.top_logprobs && is_conversation(request_) && !has_images(request_) &&
           begun_answer(request_).empty();
}

chat::generation_request model_request::beginning_of_next() const {
    chat::generation_request out = request_;
    restore(out, *before_);
    if (lines_ && lines_->count > 0) {
        out.messages.front().content = lines_->fixed;  // what moves stands behind the beginning
    }
    return out;
}

answer_output::run_plan model_request::plan(const chat::rendered_prompt& prompt, const served_model& model,
                                            bool thought) const {
    answer_output::run_plan plan;
    plan.filter.format = how_.format;
    plan.filter.stops = request_.limits.stops;
    // Some think although they were told not to. Who wrote the prompt gets the text as it is.
    plan.filter.separate_thinking =
        !thought && (prompt.thinking || (how_.format->thinks && is_conversation(request_)));
    plan.filter.starts_in_thinking = prompt.starts_in_thinking;
    plan.filter.tool_names = tool_names(request_);
    plan.filter.one_call = request_.one_call;
    if (forced_) {
        plan.filter.call_begun = forced_->begun;
    }
    plan.drops_thinking = request_.thinking == chat::thinking_mode::off;
    plan.hides_thoughts = plan.drops_thinking || !request_.shows_thinking;
    // Thinking that the client turned off is not there for it, wherever the model does it all the same.
    plan.filter.stops_see_thinking = !prompt.empties_thinking && !plan.drops_thinking;
    if (prompt.empties_thinking) {
        plan.block.emplace(max_tokens(request_.limits, context_length_of(model)));
    }
    return plan;
}

engine::run_spec model_request::spec(chat::rendered_prompt prompt, const served_model& model, held_part held,
                                     const engine::backend& runtime, std::uint32_t written) const {
    engine::run_spec spec;
    spec.id = request_.id;
    spec.owner = request_.owner;
    spec.aside = is_batch(request_) || request_.idle_work;
    spec.whole = !may_shorten(model);
    spec.prompt = std::move(prompt);
    spec.sampling = request_.sampling;
    spec.max_tokens = max_tokens(request_.limits, context_length_of(model));
    if (spec.max_tokens) {
        *spec.max_tokens -= std::min(*spec.max_tokens - 1, written);
    }
    if (spec.prompt.empties_thinking && spec.max_tokens) {
        const std::uint32_t raised = core::sum_of(*spec.max_tokens, hidden_block::room);
        spec.block_tokens = raised - *spec.max_tokens;
        spec.max_tokens = raised;
    }
    if (const engine::stated_model stated = runtime.stated(); spec.prompt.thinking) {
        if (stated.names_thinking(request_.effort)) {
            spec.think = request_.effort;
        } else if (stated.names_thinking(true)) {
            spec.think = true;
        }
    }
    if (runtime.facts().tells_logprobs) {
        spec.top_logprobs = request_.top_logprobs;
    }
    if (forced_) {
        spec.format = forced_->schema;
    } else if (held == held_part::whole) {
        spec.format = request_.format;
    }
    return spec;
}

}  // namespace corral::generation
