#pragma once
// The cache of a polled runtime, row by row, with what its tap and its output show of it, for random walks of the polled
// cycle: each way to end a run leaves what was observed (docs/facts/vendor_ax.md#cache).

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "corral/catalog/profile.hpp"
#include "engine/dialects/ax_poll/cycle_fsm.hpp"

namespace corral::engine::ax_poll {

class walked_cache {
public:
    static constexpr catalog::context_sizes sizes{
        .positions = 160, .prompt_limit = 128, .chunk = 32, .vocabulary = 1'000'000};

    std::optional<prompt_ids> prescribed;
    token_ledger tokens;
    std::string output;  // printed, and not read yet

    void use(bool prints_at_once) {
        in_use_ = true;
        prints_at_once_ = prints_at_once;
    }
    void show(cycle_signs& to) const {
        to.sizes = sizes;
        to.tokens = &tokens;
        to.tokens_made = tokens.made();
        to.tokens_wanted = tokens.count();
        to.limit_reached = tokens.limit_reached();
        to.final_seen = tokens.final_seen();
    }
    [[nodiscard]] bool in_use() const { return in_use_; }
    // The run of now reads other rows than its prompt has.
    [[nodiscard]] bool wrong() const { return wrong_; }
    // ... though nobody else had a hand in it.
    [[nodiscard]] bool by_mistake() const { return wrong_ && !tampered_; }
    // The end of the answer came from a step that a stop had broken.
    [[nodiscard]] bool broken() const { return broken_; }
    std::int64_t fresh_id() { return 10 + (++ids_ % 900'000); }

    void order_reset() { reset_ordered_ = true; }
    void order_run(std::optional<std::uint32_t> limit) {
        tokens.begin(limit);
        run_ordered_ = true;
        wrong_ = false;
    }
    void replace() {
        rows_.clear();
        prescribed.reset();
        output.clear();
        at_end_.clear();
        reset_ordered_ = run_ordered_ = warm_ = tampered_ = wrong_ = false;
    }
    // False: nobody ordered it.
    bool reset() {
        rows_ = prescribed ? prescribed->system : token_ids{};
        warm_ = tampered_ = false;
        return std::exchange(reset_ordered_, false);
    }
    // /encode. True: it is the prompt that was ordered.
    bool read(const std::string& mark, tap_view& tap, std::mt19937_64& random) {
        output += std::exchange(at_end_, {});
        tap.strays += std::exchange(run_ordered_, false) ? 0U : 1U;
        const bool another = !prescribed || (!prescribed->mark.empty() && mark != prescribed->mark);
        const bool ours = !another && tap.reset_answered;
        if (ours && !prescribed->held.empty() && random() % 20 == 0) {
            rows_.pop_back();  // as by a stop of somebody else that nobody saw
            tampered_ = true;
        }
        before_ = rows_;
        token_ids fresh{fresh_id()};
        token_ids whole;
        if (ours) {
            fresh = prescribed->turns;
            whole = prescribed->held;
            whole.insert(whole.end(), prescribed->system.begin(), prescribed->system.end());
            tap.system_tokens = static_cast<std::uint32_t>(whole.size());
            tap.turn_tokens = static_cast<std::uint32_t>(fresh.size());
            whole.insert(whole.end(), fresh.begin(), fresh.end());
            continued_ = !prescribed->held.empty();
        } else {
            tap.strays += another ? 1U : 0U;
            continued_ = false;
        }
        (ours ? tap.encode_answered : tap.encode_failed) = true;
        say("SetKVCache][ 614]: prefill_grpid:1 kv_cache_num:512 precompute_len:" +
                std::to_string(rows_.size()) + " input_num_token:" + std::to_string(fresh.size()),
            output);
        rows_.insert(rows_.end(), fresh.begin(), fresh.end());
        wrong_ = ours && rows_ != whole;
        read_ = rows_.size();
        answer_.clear();
        held_ = 0;
        clean_ = false;
        used_up_ = broken_ = false;
        return ours;
    }

    // A /decode of the next ids; false: the context is used up before they are a piece.
    bool write(std::size_t ids) {
        const std::size_t room = sizes.positions - read_ + 1 - answer_.size();
        used_up_ = ids > room;
        token_ids piece;
        for (std::size_t i = std::min(ids, room); i > 0; --i) {
            piece.push_back(fresh_id());
        }
        answer_.insert(answer_.end(), piece.begin(), piece.end());
        if (!used_up_) {
            token_ids wanted;
            (void)tokens.on_decode(piece, wanted);
        }
        return !used_up_;
    }
    void hold(std::size_t ids) { held_ = ids; }
    [[nodiscard]] bool holds() const { return held_ > 0; }
    void let_out(bool stopped) {
        clean_ = held_ > 0 && stopped;
        eos_met_ = held_ < 3;
        held_ = 0;
    }
    [[nodiscard]] bool far_from_end() const { return read_ + answer_.size() + 24 < sizes.positions; }
    void tamper() { tampered_ = true; }

    // Ends of a run; what the last /decode is taken for.
    token_ledger::call_kind stopped(std::mt19937_64& random) {
        if (tokens.calls() == 0) {
            return stopped_in_prefill();
        }
        if (!clean_) {
            broken_ = true;
            for (std::size_t i = random() % 3; i > 0; --i) {
                answer_.push_back(fresh_id());
            }
        }
        const bool last_is_read = clean_ && eos_met_;
        return finish(last_is_read ? 0 : 1, !clean_ && random() % 12 != 0);
    }
    token_ledger::call_kind ended(bool stop_came_late, std::mt19937_64& random) {
        return finish(used_up_ ? 1 : 0, stop_came_late && random() % 4 == 0);
    }

private:
    static constexpr std::int64_t empty_row = -1;

    static void say(const std::string& what, std::string& to) {
        to += "[I][                     " + what + "\n";
    }

    token_ledger::call_kind stopped_in_prefill() {
        answer_ = {fresh_id()};
        rows_ = before_;
        if (!continued_ || !warm_) {
            rows_.assign(read_ + 7, empty_row);  // of the conversation before
        }
        token_ids wanted;
        return tokens.on_decode(answer_, wanted);
    }
    // But for the last ids of the answer, the cache has all; the last row perhaps in some layers only.
    token_ledger::call_kind finish(std::size_t unread, bool breaks_row) {
        rows_.insert(rows_.end(), answer_.begin(), answer_.end() - static_cast<std::ptrdiff_t>(unread));
        if (breaks_row) {
            rows_.back() = empty_row;
        }
        warm_ = true;
        say("GetKVCache][ 583]: precompute_len:" + std::to_string(rows_.size()) + ", remaining:99",
            prints_at_once_ ? output : at_end_);
        token_ids wanted;
        return tokens.on_decode(answer_, wanted);
    }

    bool in_use_ = false;
    bool prints_at_once_ = false;
    std::int64_t ids_ = 0;
    token_ids rows_;
    token_ids before_;
    token_ids answer_;
    std::string at_end_;  // printed by the next run only, where output is a pipe
    std::size_t read_ = 0;
    std::size_t held_ = 0;  // ids of the piece that waits for a stop
    bool clean_ = false;    // the stop came while it waited
    bool eos_met_ = false;
    bool used_up_ = false;
    bool broken_ = false;
    bool continued_ = false;
    bool warm_ = false;
    bool wrong_ = false;
    bool tampered_ = false;  // by somebody else, or a fault that nobody is told of
    bool reset_ordered_ = false;
    bool run_ordered_ = false;
};

}  // namespace corral::engine::ax_poll
