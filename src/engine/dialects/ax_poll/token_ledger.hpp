#pragma once
// Which tokens a run has put out, learned from the /decode calls of the runtime: one call for each piece with
// exactly its ids, and one more at the end with all ids of the run (docs/facts/vendor_ax.md#relay).
// The last call of a run is always that one, so a call that looks like it but is followed by another was a
// piece.

#include <cstdint>
#include <optional>

#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

class token_ledger {
public:
    enum class call_kind {
        piece,
        perhaps_final,  // equals what was put out so far and is short enough to be a piece
        final,          // all ids of the run
    };

    // `limit`: ids beyond this many are not wanted.
    void begin(std::optional<std::uint32_t> limit);
    // Notes a call; `wanted` gets those of its ids that are a piece and within the limit.
    call_kind on_decode(const token_ids& ids, token_ids& wanted);

    // Tokens put out so far, those beyond the limit not counted.
    [[nodiscard]] std::uint32_t count() const noexcept;
    // All tokens that the runtime made, as far as known.
    [[nodiscard]] std::uint32_t made() const noexcept;
    [[nodiscard]] bool limit_reached() const noexcept { return limit_ && made() >= *limit_; }
    [[nodiscard]] bool final_seen() const noexcept { return last_whole_.has_value(); }
    // All of them.
    [[nodiscard]] const token_ids& all() const noexcept { return last_whole_ ? *last_whole_ : pieces_; }
    [[nodiscard]] std::uint32_t calls() const noexcept { return calls_; }
    // The last call repeated all pieces, and nothing else.
    [[nodiscard]] bool whole() const noexcept { return last_whole_ && last_whole_->size() == pieces_.size(); }
    // After the end: ids within the limit that were in no piece, because the context ended or a stop came.
    [[nodiscard]] token_ids tail() const;

private:
    std::optional<std::uint32_t> limit_;
    token_ids pieces_;
    std::optional<token_ids> last_whole_;  // the last call, when it looked like the final one
    std::size_t longest_piece_ = 0;
    std::uint32_t calls_ = 0;
};

}  // namespace corral::engine::ax_poll
