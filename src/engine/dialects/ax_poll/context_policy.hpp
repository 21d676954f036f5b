#pragma once
// The context arithmetic of docs/facts/vendor_ax.md#context: T positions in all, prompts of at most M tokens
// taken in chunks of C, P tokens of them spent by the system prompt, n by the turns.

#include <cstdint>
#include <string_view>

#include "corral/catalog/profile.hpp"

namespace corral::engine::ax_poll {

// Sizes are usable once all three are known.
[[nodiscard]] bool known(const catalog::context_sizes& sizes) noexcept;

// Most tokens of a system prompt: more would be written past the runtime's buffers. 0 while unknown.
[[nodiscard]] std::uint32_t most_system_tokens(const catalog::context_sizes& sizes) noexcept;

// Most tokens that the turns may have beside a system prompt of `system_tokens`, with room for one token of
// answer.
[[nodiscard]] std::uint32_t most_turn_tokens(const catalog::context_sizes& sizes,
                                             std::uint32_t system_tokens) noexcept;

// A prompt of `count` tokens without a system prompt, cut in two: how many of them go through reset. One chunk,
// which is most that fits together with whole chunks behind it, and what costs least; but one token is left
// for generate, and never one alone for the reset. REQUIRES: count >= 2.
[[nodiscard]] std::uint32_t reset_share(const catalog::context_sizes& sizes, std::uint32_t count) noexcept;
// Most tokens of such a prompt; 0 when none fits, or while unknown.
[[nodiscard]] std::uint32_t most_verbatim_tokens(const catalog::context_sizes& sizes) noexcept;

// Most tokens of a prompt behind an empty reset, which takes as many as its largest group has and checks nothing
// (docs/facts/vendor_ax.md#limits), with room for one token of answer; 0 while unknown.
[[nodiscard]] std::uint32_t most_fresh_tokens(const catalog::context_sizes& sizes) noexcept;

// Most tokens that can come out after a prompt of P + n: the positions left and the first token.
[[nodiscard]] std::uint32_t most_output_tokens(const catalog::context_sizes& sizes,
                                               std::uint32_t prompt_tokens) noexcept;

// A number of tokens that `text` can't exceed: a byte-level vocabulary has no token shorter than a byte.
// `wrapper_tokens` is what the service's template adds to a system prompt or to the turns.
inline constexpr std::uint32_t wrapper_tokens = 32;
[[nodiscard]] std::uint32_t token_bound(std::string_view text) noexcept;
// A plausible count where no tokenizer may be asked; marked as an estimate wherever it is used.
[[nodiscard]] std::uint32_t token_estimate(std::string_view text) noexcept;

}  // namespace corral::engine::ax_poll
