#pragma once
// The text of a run by two witnesses: the tap, which gave it to the runtime piece by piece, and the polls, which
// bring it back. They differ where another program talks to the runtime too: its polls take text away
// (docs/facts/vendor_ax.md#cycle), and its prompts bring some. No I/O.

#include <cstddef>
#include <string>
#include <string_view>

namespace corral::engine::ax_poll {

class polled_text {
public:
    // The tap answered a piece. `perhaps_final`: no piece if no other call follows (token_ledger).
    void on_answer(std::string_view text, bool perhaps_final);

    struct poll_verdict {
        bool ours = true;  // false: the tap never made it
        bool gap = false;  // somebody else has what stands before it
        std::string text;  // whole, what was missing included
    };
    [[nodiscard]] poll_verdict on_poll(std::string_view text);
    // After the end: what came in no poll.
    [[nodiscard]] std::string rest();

private:
    std::string open_;   // of pieces, in no poll so far
    std::string doubt_;  // of the last call, if it was a piece
};

}  // namespace corral::engine::ax_poll
