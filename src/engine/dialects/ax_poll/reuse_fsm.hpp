#pragma once
// Whether a prompt is put behind what the runtime's cache holds, and what its run and its stops leave there. Which ids
// those are is for cache_ledger to say; a doubt ends in a reset, never in a guess.
//
//  state      event                                                next
//  off        a prompt whose ids can be had and accounted for      open
//  open       the same no more                                     off
//  open       the ids of the prompt                                counted
//  open       no ids, though its tokenizer answers                 given up
//  counted    composed, and the cache does not serve it            open, to be tokenised as a whole
//  counted    ids that are computed ahead                          counted
//  given up   all                                                  given up
//  any        a new turn                                           off

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "corral/chat/render.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/cache_ledger.hpp"
#include "engine/dialects/ax_poll/cycle_signs.hpp"
#include "engine/dialects/ax_poll/log_reader.hpp"
#include "engine/dialects/ax_poll/spoken_text.hpp"
#include "engine/dialects/ax_poll/tap_view.hpp"

namespace corral::engine::ax_poll {

class reuse_fsm {
public:
    // ---- a turn, from its ids to the prompt that is sent

    void begin();
    // The ids are to be computed by a reset, and no more.
    void begin_ahead(token_ids ids);
    // As long as the prompt has no ids: whether it can be accounted for.
    void allow(bool can);
    // The runtime's own calls are left to tokenise the prompt.
    void give_up() { state_ = given_up{}; }
    // The prompt, or its ids, are accounted for.
    [[nodiscard]] bool on() const noexcept;
    [[nodiscard]] bool counted() const noexcept { return std::holds_alternative<counted_prompt>(state_); }
    // Whether what was said last begins the prompt; if so its ids are made of spoken().
    [[nodiscard]] bool composes(const chat::rendered_prompt& prompt, std::string_view owner,
                                const cycle_signs& signs);
    [[nodiscard]] bool composed_of_spoken(const token_ids& ids) const;
    // REQUIRES: on().
    void take(token_ids ids, bool composed);
    // All ids of the prompt; empty unless counted().
    [[nodiscard]] const token_ids& whole() const noexcept;

    enum class way {
        behind,  // what the cache holds
        reset,
        too_long,  // for any cache
        anew,      // its ids have to be made as a whole
    };
    struct start {
        way how = way::reset;
        const char* why = "";  // for people: of `behind` and `reset`
        prompt_ids ids;        // of both
    };
    // REQUIRES: counted(); the runtime is idle, confirmed.
    [[nodiscard]] start plan(run_report& report, const cycle_signs& signs, std::string_view owner);
    // For a reset with all ids and nothing behind it.
    [[nodiscard]] prompt_ids plan_ahead(const cycle_signs& signs);
    [[nodiscard]] bool goes_on() const noexcept;
    // Seen to be carried out, for this owner.
    void on_reset(const std::string& owner);
    void on_computed_ahead(const std::string& owner);

    // ---- a run

    // The prompt is about to be sent behind the first `held` of its ids.
    void on_sent(std::size_t held, const cycle_signs& signs);
    // Something happened that leaves the cache in doubt.
    void doubt() noexcept { run_.doubted = true; }
    void on_given(std::string_view text);
    // `whole`: by itself or at its limit, and all its tokens became text that was given.
    void on_end(bool whole) noexcept { run_.said_all = whole; }

    // A stop harms nothing where a piece waits from before it was sent until it was accepted. `expendable`: nobody goes
    // on with this prompt, so its stop waits for no piece.
    void wait_for_piece(bool expendable, const cycle_signs& signs, core::steady_time now);
    [[nodiscard]] std::optional<core::steady_time> waits_for_piece(const cycle_signs& signs,
                                                                   core::steady_time now) const;
    // The tap shall hold the piece of now.
    [[nodiscard]] bool wants_hold(bool expendable, const cycle_signs& signs) const;
    void on_stop_sent(const cycle_signs& signs);
    void on_stopped(bool accepted, const cycle_signs& signs);
    [[nodiscard]] bool stopped_safely() const noexcept { return run_.stops > 0 && run_.held_piece > 0; }

    // The runtime is idle, so each of its calls was made. `closing`: what stands between a user's text and the answer.
    void conclude(const chat::rendered_prompt& prompt, std::string_view closing, bool context_full,
                  run_report& report, const cycle_signs& signs);

    // ---- what the cache holds

    void forget() { cache_.forget(); }
    // With its process, or in the midst of a call.
    void lose();
    [[nodiscard]] bool in_flight() const noexcept { return cache_.in_flight(); }
    // The last conversation with its answer, while the runtime may hold it.
    [[nodiscard]] const std::optional<spoken_text>& spoken() const noexcept { return spoken_; }
    // backend::held_bytes()
    [[nodiscard]] std::size_t held_bytes(const chat::rendered_prompt& prompt, std::string_view owner,
                                         const cycle_signs& signs) const;
    [[nodiscard]] const cache_ledger& cache() const noexcept { return cache_; }

private:
    struct off {};
    struct given_up {};
    struct open_prompt {
        bool may_compose = true;
    };
    struct counted_prompt {
        token_ids ids;
        bool composed = false;
        bool goes_on = false;  // behind what the cache holds
    };
    // Of the prompt that was sent last.
    struct run_state {
        bool doubted = false;
        std::uint64_t strays = 0;  // of the tap, when it was sent
        unsigned stops = 0;
        bool stop_before_piece = false;  // the first
        bool stop_while_held = false;    // the last was sent so
        std::uint32_t held_piece = 0;    // that waited for the stop
        std::uint32_t made_at_hold = 0;  // tokens
        core::steady_time hold_until{};
        std::string said;  // the answer as it was given
        bool said_all = false;
    };

    void look_for_strays(const cycle_signs& signs);
    [[nodiscard]] std::string next_mark();
    [[nodiscard]] finished_run account(bool context_full, run_report& report, const cycle_signs& signs) const;

    cache_ledger cache_;
    std::optional<spoken_text> spoken_;
    std::uint64_t strays_known_ = 0;
    std::uint64_t marks_ = 0;
    std::variant<off, given_up, open_prompt, counted_prompt> state_;
    run_state run_;
};

}  // namespace corral::engine::ax_poll
