#pragma once
// The smallest honest polled runtime, for explorations: each of its moves is one call of tick(). Text of a
// turn is its letter, twice. walked_server.hpp has one with more faults.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/tap_view.hpp"

namespace corral::engine::ax_poll {

class explored_server {
public:
    static constexpr int pieces_of_a_run = 2;

    bool endless = false;  // until it is stopped
    bool alive = true;
    tap_view tap;
    std::uint32_t tokens_made = 0;
    bool final_seen = false;

    [[nodiscard]] bool busy() const { return stage_ >= 0; }
    [[nodiscard]] bool at_work() const { return alive && !queue_.empty(); }
    [[nodiscard]] const std::string& text() const { return text_; }
    // Whose reset it was, and a + for each run since.
    [[nodiscard]] const std::string& context() const { return context_; }
    void accept(bool reset, char owner) { queue_.push_back({reset, owner}); }
    void stop() { stopped_ = busy() && !queue_.front().reset && stage_ > 0; }
    void leave(char owner) { text_ += owner; }
    std::string take_text() { return std::exchange(text_, {}); }
    // What the tap has answered since.
    std::string take_answers() { return std::exchange(answered_, {}); }
    void replace() {
        const std::uint64_t strays = tap.strays;
        *this = explored_server();
        tap.strays = strays + 1;
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
        answered_.clear();
    }
    // REQUIRES: at_work().
    void tick(core::steady_time now) {
        const job& of = queue_.front();
        ++stage_;
        if (of.reset) {
            return tick_reset(of, now);
        }
        if (stage_ == 0) {
            context_ += '+';
            tap.run_begun = true;
            tap.run_begun_at = now;
        } else if (stage_ == 1) {
            stopped_ = false;  // earlier stops are forgotten here
            tap.encode_answered = true;
        } else if (stopped_ || (stage_ > 1 + pieces_of_a_run && !endless)) {
            final_seen = true;
            end();
        } else {
            text_ += of.owner;
            answered_ += tap.run_begun ? std::string(1, of.owner) : std::string();
            ++tap.pieces_answered;
            tokens_made += 3;
        }
    }
    [[nodiscard]] std::string seen() const {
        return std::to_string(stage_) + ' ' + std::to_string(queue_.size()) + " '" + text_ + "' '" +
               context_ + (alive ? "' alive" : "' dead");
    }

private:
    struct job {
        bool reset = false;
        char owner = '?';
    };
    void tick_reset(const job& of, core::steady_time now) {
        if (stage_ == 0) {
            context_ = std::string(1, of.owner);
            tap.reset_begun = true;
            tap.reset_begun_at = now;
            return;
        }
        tap.reset_answered = true;
        end();
    }
    void end() {
        queue_.pop_front();
        stage_ = -1;
    }

    std::deque<job> queue_;
    int stage_ = -1;  // of the first of these; below 0: it waits for the worker
    std::string text_;
    std::string context_;
    std::string answered_;
    bool stopped_ = false;
};

}  // namespace corral::engine::ax_poll
