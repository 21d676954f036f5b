// What the box computes before somebody asks: the decisions are Corral's, the code between them is played.

#include <algorithm>
#include <string_view>
#include <utility>

#include "day/box.hpp"
#include "engine/dialects/ax_poll/ahead_policy.hpp"

namespace corral::day {

using core::nanoseconds;
using engine::ax_poll::next_turn;

namespace {

token_ids common_beginning(const token_ids& one, const token_ids& other) {
    return {one.begin(), std::mismatch(one.begin(), one.end(), other.begin(), other.end()).first};
}

}  // namespace

// As ax_poll_backend::note_ended.
void box::note_ended(const request& what) {
    next_.ended = time_.now();
    if (!what.aside) {
        token_ids shared = next_.same_owner ? common_beginning(what.ids, next_.last) : token_ids{};
        shared.resize(shared.size() / sizes.chunk * sizes.chunk);
        if (shared.size() < 2 * std::size_t{sizes.chunk}) {
            shared.clear();
        }
        if (next_.answered != core::steady_time{}) {
            ahead_.note(next_.goes_on     ? next_turn::continues
                        : !shared.empty() ? next_turn::shares
                                          : next_turn::other,
                        next_.came - next_.answered, reading_of(next_.last.size()), time_.now());
        }
        next_.last = what.ids;
        next_.shared = std::move(shared);
        next_.answered = time_.now();
        next_.of_conversation = {};
    }
    next_.tried = false;
    arm_ahead();
}

// As generation_run::expect_next.
void box::expect_next(const request& what) {
    chat::generation_request next = what.asked;
    next.messages.push_back(message_of(chat::role::assistant, what.answer));
    next.messages.push_back(message_of(chat::role::user, expected_words));
    if (what.lines && what.lines->count > 0) {
        next.messages.front().content = what.lines->fixed;
    }
    next_.of_conversation = prompts_.fit(next);
}

// As ax_poll_backend::compute_when_idle.
void box::arm_ahead() {
    if (by_.ahead == ahead_rule::off) {
        return;
    }
    time_.after(ahead_.pause(), [this, ended = next_.ended] {
        if (!running_ && !next_.tried && ended == next_.ended) {
            next_.tried = true;
            compute_ahead();
        }
    });
}

void box::compute_ahead() {
    engine::ax_poll::ahead_policy blind;  // always expects the conversation
    blind.note(next_turn::continues, {}, {}, time_.now());
    blind.note(next_turn::continues, {}, {}, time_.now());
    token_ids ids = best_beginning(by_.ahead == ahead_rule::always ? blind : ahead_,
                                   {beginning_of_next(), next_.shared, cache_.held_for(next_.owner, false)},
                                   sizes, reading_of);
    if (ids.empty()) {
        return;
    }
    const nanoseconds takes = reading_of(ids.size());
    ahead_end_ = time_.now() + takes;
    out_.busy += core::as_seconds(takes);
    out_.busy_ahead += core::as_seconds(takes);
    cache_.on_reset(next_.owner, std::move(ids));
    spoken_.clear();
    time_.after(takes, [this] { ahead_.made(); });
}

token_ids box::beginning_of_next() const {
    const std::string& turns = next_.of_conversation.turns;
    const std::size_t at = turns.rfind(expected_words);
    if (at == std::string::npos) {
        return {};
    }
    std::string other = turns;
    other.replace(at, std::string_view(expected_words).size(), "\n7");
    return common_beginning(ids_of(turns), ids_of(other));
}

}  // namespace corral::day
