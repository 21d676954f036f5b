#pragma once
// Which token ids the one cache of a runtime process holds, or that this is unknown: the table of
// docs/facts/vendor_ax.md#decision-table, row by row. Every doubt makes the content unknown, and unknown means a reset; a
// wrong content would be silent, for the model answers from whatever stands there. No I/O.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/catalog/profile.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

// Why a prompt meets an empty cache.
enum class reset_reason {
    off,      // nothing is continued here
    unknown,  // what the cache holds
    owner,    // it holds a conversation of somebody else
    differs,  // the prompt does not begin with what it holds
    same,     // the prompt has nothing behind it
    room,     // what is new does not fit behind it
};
inline constexpr std::size_t reset_reasons = 6;
[[nodiscard]] const char* to_string(reset_reason why) noexcept;

struct cache_plan {
    enum class way { go_on, reset, refuse };
    way how = way::reset;
    reset_reason why = reset_reason::unknown;  // of a reset
    std::size_t held = 0;                      // ids of the prompt that are not sent again
};

[[nodiscard]] bool begins_with(const token_ids& ids, const token_ids& beginning);

// How a run went, given once the runtime is idle again.
struct finished_run {
    token_ids answer;         // the ids of its last /decode call
    std::uint32_t calls = 0;  // of /decode
    bool whole = false;       // the last call repeated all pieces and nothing else
    // No error line, no call of its tokenizer that was not ordered or not answered as planned, the lengths that it
    // printed are those of the plan, and it said nothing of a full context.
    bool as_planned = false;
    unsigned stops = 0;         // sent while it ran
    bool before_piece = false;  // ... the first of them before any piece
    std::size_t held_piece =
        0;  // ids of the piece that was unanswered when the stop was accepted; 0: there was none
    bool piece_after = false;  // ... and it was not the last one
};

class cache_ledger {
public:
    // What to do with the prompt `ids`. `anyone`: a prefix may be gone on with by another owner than its own.
    [[nodiscard]] cache_plan plan(const token_ids& ids, const catalog::context_sizes& sizes,
                                  std::string_view owner, bool anyone) const;
    // Whether a prompt that begins with `beginning` and goes on may be continued, as far as can be said without it.
    [[nodiscard]] bool holds_beginning_of(const token_ids& beginning, const catalog::context_sizes& sizes,
                                          std::string_view owner, bool anyone) const;

    // Any doubt: a new process, another user, a failure.
    void forget();
    // Seen to be carried out, with these ids, for this owner.
    void on_reset(std::string owner, token_ids ids = {});
    // A prompt goes to the runtime: behind the first `held` of its ids. REQUIRES: plan() said so.
    void on_sent(token_ids ids, std::size_t held);
    // Without a prompt that was sent, nothing.
    void conclude(const finished_run& run, const catalog::context_sizes& sizes);

    [[nodiscard]] bool known() const noexcept { return held_.has_value(); }
    // A prompt was sent, and its run not concluded.
    [[nodiscard]] bool in_flight() const noexcept { return sent_.has_value(); }
    [[nodiscard]] bool warm() const noexcept { return warm_; }
    // It holds nothing but what was computed before any request.
    [[nodiscard]] bool ahead() const noexcept { return held_ && ahead_; }
    // Of this owner; nullptr: unknown, or another's.
    [[nodiscard]] const token_ids* held_for(std::string_view owner, bool anyone) const noexcept {
        return held_ && may_use(owner, anyone) ? &*held_ : nullptr;
    }
    // REQUIRES: known().
    [[nodiscard]] const token_ids& held() const noexcept { return *held_; }

private:
    [[nodiscard]] bool may_use(std::string_view owner, bool anyone) const noexcept {
        return anyone || owner == owner_;
    }
    void hold(token_ids ids);

    struct sent_prompt {
        token_ids ids;
        std::size_t held = 0;
    };
    std::optional<token_ids> held_;
    bool warm_ = false;  // a run with a decode step has ended since the last reset
    bool ahead_ = false;
    std::string owner_;
    std::optional<sent_prompt> sent_;
};

}  // namespace corral::engine::ax_poll
