#pragma once
// A small honest runtime without processes or sockets, for random walks of the polled cycle: it takes calls, runs
// them one after the other on a worker that may begin late, keeps text until a poll takes it, and has the faults of
// docs/facts/vendor_ax.md.

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/tap_view.hpp"

namespace corral::engine::ax_poll {

using core::milliseconds;
using core::steady_time;

// The runtime, as far as the wire and its tokenizer show it. Text of a turn is its letter.
class walked_server {
public:
    walked_server(std::mt19937_64& random, bool tapped, bool keeps_nothing)
        : random_(random), tapped_(tapped), keeps_nothing_(keeps_nothing) {}

    bool alive = true;
    tap_view tap;
    std::uint32_t tokens_made = 0;
    bool final_seen = false;
    std::string answered;  // by the tap, of the last run since begin_run()

    [[nodiscard]] bool busy() const { return running_.has_value(); }
    [[nodiscard]] bool at_work() const { return running_ || !queue_.empty(); }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::string& context() const { return context_; }
    [[nodiscard]] std::string described() const {
        return std::string(running_ ? "running, " : "") + std::to_string(queue_.size()) + " waiting, text '" +
               text_ + "', context '" + context_ + "'";
    }

    void accept(bool reset, char owner, steady_time now) {
        if (chance(3)) {
            return;  // answered, and dropped
        }
        const milliseconds delay{chance(15) ? random_() % 300 : 0};
        queue_.push_back({reset, owner, now + delay});
    }
    void stop() { stop_ = running_ && !running_->reset && running_->encoded; }
    // Text of an earlier turn that shows when nobody waits for it any more.
    void leave(char owner) { text_ += owner; }
    std::string take_text() { return std::exchange(text_, {}); }
    void replace() {
        queue_.clear();
        running_.reset();
        text_.clear();
        context_.clear();
        tap = tap_view{};
        alive = true;
    }
    void begin_reset() {
        tap.reset_begun = tap.reset_answered = tap.reset_failed = false;
        begin_run();
    }
    void begin_run() {
        tap.run_begun = tap.encode_answered = tap.encode_failed = false;
        tap.pieces_answered = 0;
        tokens_made = 0;
        final_seen = false;
        answered.clear();
    }

    // What happens next, if it happens before `until`.
    [[nodiscard]] std::optional<steady_time> next(steady_time until) const {
        std::optional<steady_time> at;
        if (running_) {
            at = running_->next;
        } else if (!queue_.empty()) {
            at = queue_.front().ready;
        }
        return alive && at && *at <= until ? at : std::nullopt;
    }
    // True: the tap has seen it.
    bool happen(steady_time now) {
        if (!running_) {
            running_ = {queue_.front().reset, queue_.front().owner};
            queue_.pop_front();
            return begin(now);
        }
        if (running_->reset) {
            tap.reset_answered = true;
            running_.reset();
            return tapped_;
        }
        return go_on(now);
    }

private:
    struct job {
        bool reset = false;
        char owner = '?';
        steady_time ready{};
    };
    struct work {
        bool reset = false;
        char owner = '?';
        bool encoded = false;
        int pieces = 0;
        steady_time next{};
    };

    [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }
    [[nodiscard]] milliseconds some(unsigned most) { return milliseconds{1 + random_() % most}; }

    bool begin(steady_time now) {
        if (running_->reset) {
            context_ = std::string(1, running_->owner);
            tap.reset_begun = true;
            tap.reset_begun_at = now;
            running_->next = now + some(40);
        } else {
            context_ = keeps_nothing_ ? "" : context_ + "+";
            tap.run_begun = true;
            tap.run_begun_at = now;
            running_->pieces = static_cast<int>(random_() % 12);
            running_->next = now + some(20);
            if (chance(1)) {
                running_->next = now + std::chrono::hours{1};  // the device hangs
            }
        }
        return tapped_;
    }
    bool go_on(steady_time now) {
        work& run = *running_;
        if (!run.encoded) {
            run.encoded = true;
            stop_ = false;  // earlier stops are forgotten here
            tap.encode_answered = true;
            run.next = now + some(60);
            return tapped_;
        }
        if (stop_ || run.pieces == 0) {
            final_seen = true;
            running_.reset();
            return tapped_;
        }
        --run.pieces;
        text_ += run.owner;
        if (tap.run_begun) {
            answered += run.owner;
        }
        ++tap.pieces_answered;
        tokens_made += 3;
        run.next = now + some(30);
        return tapped_;
    }

    std::mt19937_64& random_;
    bool tapped_;
    bool keeps_nothing_;
    std::deque<job> queue_;
    std::optional<work> running_;
    std::string text_;
    std::string context_;  // whose reset it was, and a + for each run since
    bool stop_ = false;
};

}  // namespace corral::engine::ax_poll
