#pragma once
// The empty thinking block that a model writes when a soft switch turned thinking off
// (docs/facts/vendor_ax.md#tokenizer-semantics), as the client's limit and counts see it: not at all. How many tokens it
// took shows by the count at the piece in which the answer begins.

#include <algorithm>
#include <cstdint>
#include <optional>

namespace corral::generation {

class hidden_block {
public:
    // Of Qwen3: the two tags, and a blank line behind each. Tokenizers of others may take more for it.
    static constexpr std::uint32_t usual = 4;
    // What the runtime may make beyond the client's limit.
    static constexpr std::uint32_t room = 8;

    // `limit`: of the client; absent: none.
    explicit hidden_block(std::optional<std::uint32_t> limit) : limit_(limit) {}

    // A piece came, and so many tokens were made until its end. False: it lies behind the limit.
    [[nodiscard]] bool admits(std::uint32_t generated) noexcept {
        earlier_ = now_;
        now_ = std::max(now_, generated);
        const bool full = begun_ && limit_ && earlier_ - std::min(earlier_, tokens_) >= *limit_;
        cut_ = cut_ || full;
        return !full;
    }
    // What the filter found in all pieces so far: a whole block, and nothing yet behind it.
    void look(bool whole_block, bool before_answer) noexcept {
        if (begun_) {
            return;
        }
        begun_ = !before_answer;
        tokens_ = before_answer ? now_ : !whole_block ? 0 : closed_ ? earlier_ : std::min(usual, now_);
        closed_ = whole_block;
    }

    [[nodiscard]] std::uint32_t tokens() const noexcept { return tokens_; }
    [[nodiscard]] const std::optional<std::uint32_t>& limit() const noexcept { return limit_; }
    // Something was not admitted.
    [[nodiscard]] bool cut() const noexcept { return cut_; }

private:
    std::optional<std::uint32_t> limit_;
    std::uint32_t earlier_ = 0;
    std::uint32_t now_ = 0;
    std::uint32_t tokens_ = 0;
    bool closed_ = false;
    bool begun_ = false;
    bool cut_ = false;
};

}  // namespace corral::generation
