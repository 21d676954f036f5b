#pragma once
// The text of a run by two witnesses: the tap, which gave it to the runtime piece by piece, and the polls, which
// bring it back. They differ where another program talks to the runtime too: its polls take text away
// (docs/facts/vendor_ax.md#cycle), and its prompts bring some. No I/O.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace corral::engine::ax_poll {

class polled_text {
public:
    // The tap answered a piece. `tokens`: of the run so far, with this piece. `perhaps_final`: no piece if no other call
    // follows (token_ledger).
    void on_answer(std::string_view text, std::uint32_t tokens, bool perhaps_final);

    struct poll_verdict {
        bool ours = true;  // false: the tap never made it
        bool gap = false;  // somebody else has what stands before it
        std::string text;  // whole, what was missing included
    };
    [[nodiscard]] poll_verdict on_poll(std::string_view text);
    // Of the whole pieces that polls have brought.
    [[nodiscard]] std::uint32_t polled_tokens() const noexcept { return polled_tokens_; }
    // After the end: what came in no poll.
    [[nodiscard]] std::string rest();

private:
    struct border {
        std::size_t end = 0;  // of a piece, in `open_` + `doubt_`
        std::uint32_t tokens = 0;
    };

    std::string open_;   // of pieces, in no poll so far
    std::string doubt_;  // of the last call, if it was a piece
    std::deque<border> borders_;
    std::uint32_t polled_tokens_ = 0;
};

}  // namespace corral::engine::ax_poll
