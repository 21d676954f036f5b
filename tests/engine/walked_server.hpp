#pragma once
// A small honest runtime without processes or sockets, for random walks of the polled cycle: it takes calls, runs
// them one after the other on a worker that may begin late, keeps text until a poll takes it, and has the faults of
// docs/facts/vendor_ax.md.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "walked_cache.hpp"

namespace corral::engine::ax_poll {

using core::milliseconds;
using core::steady_time;

inline cycle_settings settings_of_a_walk(bool keeps_nothing, bool reuses) {
    cycle_settings out;
    out.clocks.idle_grace = milliseconds{800};
    out.clocks.scrub = core::seconds{8};
    out.keeps_nothing = keeps_nothing;
    out.can_encode = reuses;
    return out;
}

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
    // Of one whose prompts are ids.
    std::string doubted;  // as `answered`, by a call that may be the last
    walked_cache cache;
    std::function<bool()> wants_hold;

    [[nodiscard]] bool busy() const { return running_.has_value(); }
    [[nodiscard]] bool at_work() const { return running_ || !queue_.empty(); }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::string& context() const { return context_; }
    [[nodiscard]] std::string described() const {
        return std::string(running_ ? "running, " : "") + std::to_string(queue_.size()) + " waiting, text '" +
               text_ + "', context '" + context_ + "'";
    }

    void accept(bool reset, char owner, const std::string& mark, steady_time now) {
        if (chance(3)) {
            return;  // answered, and dropped
        }
        const milliseconds delay{chance(15) ? random_() % 300 : 0};
        queue_.push_back({reset, owner, now + delay, mark});
    }
    void stop() { stop_ = running_ && !running_->reset && running_->encoded; }
    // The stop was accepted, so the piece that waited for it is answered.
    void let_go(steady_time now) {
        if (running_ && cache.holds()) {
            running_->next = now;
        }
        tap.held_piece = 0;
    }
    // Text of an earlier turn that shows when nobody waits for it any more.
    void leave(char owner) { text_ += owner; }
    std::string take_text() { return std::exchange(text_, {}); }
    void replace() {
        queue_.clear();
        running_.reset();
        text_.clear();
        context_.clear();
        const std::uint64_t strays = tap.strays;
        tap = tap_view{};
        tap.strays = strays + 1;
        cache.replace();
        alive = true;
    }
    void begin_reset(const std::optional<prompt_ids>& prescribed) {
        tap.reset_begun = tap.reset_answered = tap.reset_failed = false;
        cache.prescribed = prescribed;
        begin_run({});
        cache.order_reset();
    }
    void go_on(const prompt_ids& prescribed) {
        tap.reset_begun = tap.reset_failed = false;
        tap.reset_answered = true;
        cache.prescribed = prescribed;
    }
    void begin_run(std::optional<std::uint32_t> limit) {
        cache.order_run(limit);
        tap.run_begun = tap.encode_answered = tap.encode_failed = false;
        tap.pieces_answered = 0;
        tokens_made = 0;
        final_seen = false;
        answered.clear();
        doubted.clear();
    }

    void tell_answers(cycle_fsm& to) {
        for (auto& [text, perhaps_final] :
             {std::pair(std::ref(answered), false), {std::ref(doubted), true}}) {
            if (!text.get().empty()) {
                to.on_tap_text(std::exchange(text.get(), {}), tokens_made, perhaps_final);
            }
        }
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
            running_ = {queue_.front().reset, queue_.front().owner, queue_.front().mark};
            queue_.pop_front();
            return begin(now);
        }
        if (running_->reset) {
            tap.reset_answered = true;
            running_.reset();
            return tapped_;
        }
        if (cache.in_use()) {
            return read_or_write(now);
        }
        return go_on(now);
    }

private:
    struct job {
        bool reset = false;
        char owner = '?';
        steady_time ready{};
        std::string mark;
    };
    struct work {
        bool reset = false;
        char owner = '?';
        std::string mark{};
        bool ours = false;
        bool encoded = false;
        int pieces = 0;
        steady_time next{};
    };

    [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }
    [[nodiscard]] milliseconds some(unsigned most) { return milliseconds{1 + random_() % most}; }

    bool begin(steady_time now) {
        if (running_->reset) {
            context_ = std::string(1, running_->owner);
            tap.strays += cache.reset() ? 0U : 1U;
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

    // The same, where the tap answers with ids and a cache is filled.
    bool read_or_write(steady_time now) {
        work& run = *running_;
        if (!run.encoded) {
            run.encoded = true;
            stop_ = false;
            run.ours = cache.read(run.mark, tap, random_);
            run.next = now + some(60);
            return true;
        }
        if (cache.holds()) {  // it waited long enough, or was let go
            put_out(now);
            return true;
        }
        const bool foreign = cache.tokens.calls() > 0 && cache.far_from_end() && random_() % 200 == 0;
        if (foreign) {
            cache.tamper();
        }
        if (stop_ || foreign) {
            return end_run(cache.stopped(random_));
        }
        if (run.pieces < 0) {
            return end_run(cache.ended(stop_, random_));
        }
        const std::size_t ids = run.pieces-- == 0 ? 1 + random_() % 3 : 3;
        if (!cache.write(ids)) {
            return end_run(cache.ended(stop_, random_));
        }
        if (tap.run_begun && wants_hold && wants_hold()) {
            tap.held_piece = static_cast<std::uint32_t>(ids);
            tap.calls_open = 1;
            cache.hold(ids);
            run.next = now + std::chrono::seconds{2};
            return true;
        }
        put_out(now);
        return true;
    }
    void put_out(steady_time now) {
        work& run = *running_;
        cache.let_out(stop_);
        tap.held_piece = tap.calls_open = 0;
        if (run.ours) {
            text_ += run.owner;
        }
        if (run.ours && tap.run_begun) {
            answered += run.owner;
        }
        ++tap.pieces_answered;
        // A stop may come too late for the end token, and break the last row all the same.
        run.next = now + some(30);
    }
    bool end_run(token_ledger::call_kind last) {
        const bool taken_for_piece = last != token_ledger::call_kind::final;
        if (taken_for_piece && running_->ours && tap.run_begun) {
            (last == token_ledger::call_kind::piece ? answered : doubted) += running_->owner;
        }
        ++tap.pieces_answered;
        running_.reset();
        return true;
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
