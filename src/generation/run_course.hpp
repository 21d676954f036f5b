#pragma once
// The runs of one request: how many there were, and what the next one reads in place of the conversation. Pure.

#include <optional>
#include <utility>
#include <vector>

#include "corral/chat/generation_request.hpp"

namespace corral::generation {

class run_course {
public:
    enum class relation { corrects, goes_on };  // of the next run to the answer of the last
    struct reading {
        std::vector<chat::message> conversation;
        relation to_last = relation::corrects;
    };

    void begin_run() noexcept { ++runs_; }
    // It did not fit, though it was thought to.
    void count_refit() noexcept { ++refits_; }

    // What the last run gave is judged, and not good enough.
    void correct(std::vector<chat::message> conversation) {
        next_ = reading{std::move(conversation), relation::corrects};
    }
    // The last run wrote `begun`, a part of the answer, and the next one writes on behind it.
    void go_on(std::vector<chat::message> conversation, chat::message begun) {
        begun.thought = true;
        conversation.push_back(std::move(begun));
        next_ = reading{std::move(conversation), relation::goes_on};
        ++parts_;
        in_parts_ = true;
    }
    // The same, and others come in between. All runs from then on do so.
    void give_way(std::vector<chat::message> conversation, chat::message begun) {
        go_on(std::move(conversation), std::move(begun));
        gave_way_ = true;
    }
    // The next run reads the conversation alone.
    void start_over() noexcept { next_.reset(); }
    // Its parts are worth nothing any more. False: there are none.
    [[nodiscard]] bool forget_parts() noexcept {
        gave_way_ = false;
        return std::exchange(in_parts_, false);
    }

    // From the judgement of one run, in its midst too, until the next one has its prompt.
    [[nodiscard]] const std::optional<reading>& next() const noexcept { return next_; }
    // The next run has its prompt; true: it goes on with the answer.
    [[nodiscard]] bool take_next() noexcept {
        const bool goes_on = next_ && next_->to_last == relation::goes_on;
        next_.reset();
        return goes_on;
    }
    // The answer has a part that was not forgotten.
    [[nodiscard]] bool in_parts() const noexcept { return in_parts_; }
    [[nodiscard]] bool gave_way() const noexcept { return gave_way_; }
    [[nodiscard]] unsigned runs() const noexcept { return runs_; }
    // Runs that were to give the answer, or the rest of it.
    [[nodiscard]] unsigned tries() const noexcept { return runs_ - parts_; }
    [[nodiscard]] unsigned refits() const noexcept { return refits_; }
    [[nodiscard]] unsigned parts() const noexcept { return parts_; }

private:
    std::optional<reading> next_;
    unsigned runs_ = 0;
    unsigned refits_ = 0;  // of these
    unsigned parts_ = 0;   // of these, but the last part
    bool in_parts_ = false;
    bool gave_way_ = false;
};

}  // namespace corral::generation
