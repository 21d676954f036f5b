#include "generation/generation_state.hpp"

#include <utility>

#include "corral/core/say.hpp"

namespace corral::generation {

namespace {

std::size_t text_bytes(const chat::generation_event& event) {
    if (const auto* text = std::get_if<chat::text_event>(&event)) {
        return text->text.size() + chat::size_of(text->logprobs);
    }
    if (const auto* called = std::get_if<chat::tool_call_event>(&event)) {
        return called->call.name.size() +
               called->call.arguments.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                   .size();
    }
    const auto* thinking = std::get_if<chat::thinking_event>(&event);
    return thinking == nullptr ? 0 : thinking->text.size() + chat::size_of(thinking->logprobs);
}

template <typename Event>
bool append_same(chat::generation_event& last, const chat::generation_event& more) {
    auto* into = std::get_if<Event>(&last);
    const auto* from = std::get_if<Event>(&more);
    // Events with logprobs stay apart, for the lines of many together would be long ones.
    if (into == nullptr || from == nullptr || !from->logprobs.empty()) {
        return false;
    }
    into->text += from->text;
    return true;
}

}  // namespace

void generation_state::push(chat::generation_event event) {
    if (ended_ || abandoned_) {
        return;
    }
    answered_ = true;
    pending_bytes_ += text_bytes(event);
    if (events_.size() < max_separate_events || !join(event)) {
        events_.push_back(std::move(event));
    }
    arrived_.ring();
}

void generation_state::push(std::vector<chat::generation_event> events) {
    for (chat::generation_event& event : events) {
        push(std::move(event));
    }
}

bool generation_state::join(const chat::generation_event& event) {
    return append_same<chat::text_event>(events_.back(), event) ||
           append_same<chat::thinking_event>(events_.back(), event);
}

bool generation_state::end(chat::generation_event event) {
    if (ended_) {
        return false;
    }
    ended_ = true;
    events_.push_back(std::move(event));
    arrived_.ring();
    return true;
}

void generation_state::take_back() {
    events_.clear();
    pending_bytes_ = 0;
    answered_ = false;
}

void generation_state::attach(engine::run_control* control) {
    control_ = control;
    if (control_ != nullptr && abandoned_) {
        control_->cancel();
    }
}

void answer_reader::abandon() {
    if (abandoned_) {
        return;
    }
    abandoned_ = true;
    if (clock_ != nullptr && !ended_) {
        abandoned_at_ = clock_->now();
    }
    if (control_ != nullptr) {
        control_->cancel();
    }
    abandoned_bell_.ring();
}

chat::generation_timings answer_reader::timings() const {
    chat::generation_timings out = timings_;
    out.delivery = delivery_;
    return out;
}

void answer_reader::leave() {
    reader_gone_ = true;
    events_.clear();
    pending_bytes_ = 0;
    abandon();
}

std::optional<chat::generation_event> answer_reader::poll() {
    if (!readable()) {
        return std::nullopt;
    }
    chat::generation_event first = std::move(events_.front());
    events_.pop_front();
    pending_bytes_ -= text_bytes(first);
    return first;
}

core::awaitable<chat::generation_event> answer_reader::next() {
    const core::deadline never;
    std::optional<chat::generation_event> first = co_await next_before(never);
    co_return std::move(*first);
}

core::awaitable<std::optional<chat::generation_event>> answer_reader::next_before(core::deadline until) {
    while (!readable()) {
        const core::wake_reason reason = co_await arrived_.wait(until);
        if (reason == core::wake_reason::cancelled) {
            chat::failed_event gone;
            gone.kind = chat::failure_kind::cancelled;
            gone.message = core::say("request.vectors-cancelled/client");
            co_return gone;
        }
        if (reason == core::wake_reason::timed_out && !readable()) {
            co_return std::nullopt;
        }
    }
    std::optional<chat::generation_event> first = poll();
    co_return first;
}

}  // namespace corral::generation
