#pragma once
// Whether the text of a run is its own and its end the model's. Another program at the same runtime may poll text away,
// put a prompt of its own, stop the run, or write into the cache behind which the prompt stands. Text in doubt waits:
//
//  gate   closed for                                          opens with                          else
//  last   what may be the last piece, for the runtime calls   another token; the end's judgement  100 ms
//         its tokenizer once more
//  place  text of a prompt that is accounted for, until the   the right line                      1 s: the cache differs
//         runtime has said where that prompt stands

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "corral/chat/generation_event.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/cycle_clocks.hpp"
#include "engine/dialects/ax_poll/cycle_signs.hpp"
#include "engine/dialects/ax_poll/log_reader.hpp"
#include "engine/dialects/ax_poll/polled_text.hpp"

namespace corral::engine::ax_poll {

// Of text, for the line of its run, beyond what our own loop was late.
inline constexpr core::milliseconds lengths_delay{1000};
// Of the line behind a run, and of a call that its connection announces.
inline constexpr core::milliseconds report_delay{100};
inline constexpr std::uint32_t tokens_of_a_piece =
    3;  // what the runtime gathers (docs/facts/vendor_ax.md#races)

class intrusion_fsm {
public:
    // What is known of a run; borrowed for one call.
    struct witnesses {
        const cycle_signs& signs;
        const run_report& report;
        const chat::token_usage& usage;
        core::steady_time now{};
    };

    void begin_turn();
    void begin_run();
    void on_new_process() { calls_at_end_ = false; }
    // The tap answered a piece; see polled_text.
    void on_answer(std::string_view text, std::uint32_t tokens, bool perhaps_final) {
        expected_.on_answer(text, tokens, perhaps_final);
    }
    [[nodiscard]] std::uint32_t polled_tokens() const noexcept { return expected_.polled_tokens(); }
    // With the tap.
    [[nodiscard]] polled_text::poll_verdict on_poll(std::string_view text) { return expected_.on_poll(text); }
    // After the end: what came in no poll.
    [[nodiscard]] std::string take_rest() { return expected_.rest(); }
    // Another program polls too; true: for the first time in this turn.
    [[nodiscard]] bool note_reader(const cycle_signs& signs);

    // ---- the gate of the last piece

    // What may go on of `text` and what waits before it.
    [[nodiscard]] std::string pass_last(std::string_view text, const witnesses& of);
    // Without new text; empty as long as it waits.
    [[nodiscard]] std::string release_last(const witnesses& of);
    // All of it, for the end was judged.
    [[nodiscard]] std::string take_last() { return std::exchange(last_.text, {}); }
    [[nodiscard]] bool last_waits() const noexcept { return !last_.text.empty(); }
    [[nodiscard]] core::steady_time last_due() const noexcept { return last_.until; }

    // ---- the gate of the prompt's place

    // `since`: now. `behind`: the prompt stands behind what the cache held.
    [[nodiscard]] std::string pass_place(std::string text, bool behind, const moment& since,
                                         const witnesses& of);
    [[nodiscard]] bool place_waits() const noexcept { return std::holds_alternative<waiting>(place_); }
    // Without new text: whether it opens now.
    [[nodiscard]] bool place_known(bool behind, const witnesses& of) const;
    // REQUIRES: place_waits().
    [[nodiscard]] std::string open_place();
    [[nodiscard]] const moment& place_waits_since() const { return std::get<waiting>(place_).since; }
    // The cache differs: nothing of it goes out.
    void drop_place() { place_ = untold{}; }

    // ---- the end

    // What the runtime's own account of the run may decide: one that was not ended here, nor by the context.
    [[nodiscard]] static bool may_be_stopped(const witnesses& of);
    // `cut`: tokens that are in no piece.
    [[nodiscard]] bool stopped(bool cut, const witnesses& of) const;
    // A run that has ended by itself, as far as is known.
    void learn_end(bool called_at_end) noexcept { calls_at_end_ = calls_at_end_ || called_at_end; }

private:
    struct last_piece {
        std::string text;
        std::uint32_t made = 0;  // tokens, as it came
        core::steady_time until{};
    };
    struct untold {};
    struct waiting {
        std::string text;
        moment since;
    };
    struct told {};

    [[nodiscard]] static bool may_be_last(const witnesses& of);
    [[nodiscard]] bool stopped_before_a_piece(const witnesses& of) const;

    polled_text expected_;
    bool shared_ = false;  // others poll the runtime too
    last_piece last_;
    std::variant<untold, waiting, told> place_;
    bool calls_at_end_ = false;  // this process asks for all tokens of a run once more behind it
};

}  // namespace corral::engine::ax_poll
