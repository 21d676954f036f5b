#include "generation/answer_output.hpp"

#include <utility>
#include <variant>

#include "generation/format_request.hpp"

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

void answer_output::expect_calls(const nlohmann::ordered_json& tools) {
    if (!calls_) {
        calls_.emplace(tools);
    }
}

void answer_output::begin_run(run_plan plan) {
    tokens_ = token_hold(plan.filter.stops);
    filter_.emplace(std::move(plan.filter));
    block_ = plan.block;
    drops_thinking_ = plan.drops_thinking;
    hides_thoughts_ = plan.hides_thoughts;
    ends_behind_thoughts_ = plan.ends_behind_thoughts;
    if (!plan.goes_on) {
        text_.clear();
        thinking_.clear();
        called_.clear();
    }
    if (format_) {
        format_->begin_run();
    }
    if (calls_) {
        calls_->begin_run();
    }
}

std::vector<chat::generation_event> answer_output::feed(std::string_view piece, std::uint32_t generated) {
    if (block_ && !block_->admits(generated)) {
        return {};  // the runtime ends by itself soon, and then tells its figures
    }
    std::vector<chat::generation_event> events = filter_->feed(piece);
    if (block_) {
        block_->look(filter_->swallowed_block(), filter_->before_answer());
        if (filter_->before_answer()) {
            tokens_.clear();  // of the block
        }
    }
    if (hides_thoughts_ && filter_->in_thoughts()) {
        tokens_.clear();
    }
    return pass(std::move(events));
}

std::vector<chat::generation_event> answer_output::finish(bool cut) {
    return pass(filter_->finish(cut));
}

std::vector<chat::generation_event> answer_output::pass(std::vector<chat::generation_event> events) {
    tell_logprobs(events);
    if (format_) {
        events = format_->pass(std::move(events));
    }
    for (chat::generation_event& event : events) {
        if (auto* call = std::get_if<chat::tool_call_event>(&event);
            call != nullptr && call->call.id.empty()) {
            call->call.id = tool_call_id(*ids_);
        }
    }
    if (calls_) {
        events = calls_->pass(std::move(events));
    }
    gather(events);
    if (drops_thinking_) {  // a model without a switch thinks although it was told not to
        std::erase_if(events, [](const chat::generation_event& event) {
            return std::holds_alternative<chat::thinking_event>(event);
        });
    }
    return events;
}

void answer_output::gather(const std::vector<chat::generation_event>& events) {
    for (const chat::generation_event& event : events) {
        if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
            thinking_ += thinking->text;
        } else if (const auto* text = std::get_if<chat::text_event>(&event)) {
            text_ += text->text;
        } else if (const auto* made = std::get_if<chat::tool_call_event>(&event)) {
            called_.push_back(made->call);
        }
    }
}

// What is certain of the logprobs goes with the first text. Of an answer with a format it is known only at its end
// which run was the one.
void answer_output::tell_logprobs(std::vector<chat::generation_event>& events) {
    for (chat::generation_event& event : events) {
        auto* const text = std::get_if<chat::text_event>(&event);
        auto* const thinking = std::get_if<chat::thinking_event>(&event);
        if (!format_ && (text != nullptr || (thinking != nullptr && !hides_thoughts_))) {
            (text != nullptr ? text->logprobs : thinking->logprobs) =
                filter_->stopped() ? tokens_.take_all(filter_->stopped_by()) : tokens_.take();
            return;
        }
    }
}

chat::message answer_output::turn() const {
    chat::message out;
    out.from = chat::role::assistant;
    out.content = text_;
    out.thinking = thinking_;
    out.calls = called_;
    return out;
}

bool answer_output::complete() const {
    return filter_->stopped() || (format_ && format_->complete()) || (calls_ && calls_->asks());
}

bool answer_output::thoughts_ended() const {
    return ends_behind_thoughts_ && !thinking_.empty() && format_ && format_->waiting_bytes() > 0;
}

std::size_t answer_output::waiting_bytes() const {
    return tokens_.bytes() + (format_ ? format_->waiting_bytes() : 0) +
           (ends_behind_thoughts_ ? thinking_.size() : 0);
}

answer_output::judgement answer_output::judge(chat::finish_reason reason) {
    judgement out;
    out.reason = filter_->stopped() ? chat::finish_reason::stop : reason;
    if (calls_ && calls_->asks()) {
        out.misfit = calls_->violation();
    }
    if (format_) {
        format_verdict verdict = format_->finish(out.reason == chat::finish_reason::length);
        out.format = judged_answer{std::move(verdict), std::string(format_->written()), format_->tries()};
    }
    return out;
}

std::vector<chat::message> answer_output::corrected(const std::vector<chat::message>& conversation,
                                                    const std::string& violation) const {
    if (calls_ && calls_->asks()) {
        return with_correction(conversation, calls_->call(), violation);
    }
    return with_correction(conversation, format_->written(), chat::format_plan::correction(violation));
}

std::vector<chat::generation_event> answer_output::release() {
    std::vector<chat::generation_event> events =
        calls_ ? calls_->release() : std::vector<chat::generation_event>{};
    gather(events);
    return events;
}

}  // namespace corral::generation
