#include "engine/dialects/ax_poll/context_policy.hpp"

#include <algorithm>
#include <limits>

namespace corral::engine::ax_poll {

namespace {

constexpr std::uint32_t cautious_share = 16;  // below any chunk

std::uint32_t saturated(std::size_t value) {
    return static_cast<std::uint32_t>(
        std::min<std::size_t>(value, std::numeric_limits<std::uint32_t>::max() / 4));
}

}  // namespace

bool known(const catalog::context_sizes& sizes) noexcept {
    return sizes.positions > 0 && sizes.prompt_limit > 0 && sizes.chunk > 0;
}

std::uint32_t most_system_tokens(const catalog::context_sizes& sizes) noexcept {
    return sizes.prompt_limit > sizes.chunk ? sizes.prompt_limit - sizes.chunk : 0;
}

std::uint32_t most_turn_tokens(const catalog::context_sizes& sizes, std::uint32_t system_tokens) noexcept {
    if (!known(sizes) || system_tokens > most_system_tokens(sizes) || system_tokens + 1 >= sizes.positions) {
        return 0;
    }
    const std::uint32_t whole_chunks = (sizes.prompt_limit - system_tokens) / sizes.chunk * sizes.chunk;
    return std::min(whole_chunks, sizes.positions - system_tokens - 1);
}

std::uint32_t reset_share(const catalog::context_sizes& sizes, std::uint32_t count) noexcept {
    const std::uint32_t chunk = sizes.chunk > 0 ? sizes.chunk : cautious_share;
    const std::uint32_t share = std::min(chunk, count - 1);
    return share == 1 ? 0 : share;  // one is written past its buffers (docs/facts/vendor_ax.md#limits)
}

std::uint32_t most_verbatim_tokens(const catalog::context_sizes& sizes) noexcept {
    const std::uint32_t turns = most_turn_tokens(sizes, sizes.chunk);
    return turns > 0 ? sizes.chunk + turns : 0;
}

std::uint32_t most_fresh_tokens(const catalog::context_sizes& sizes) noexcept {
    return known(sizes) ? std::min(sizes.prompt_limit, sizes.positions - 1) : 0;
}

std::uint32_t most_output_tokens(const catalog::context_sizes& sizes, std::uint32_t prompt_tokens) noexcept {
    return sizes.positions > prompt_tokens ? sizes.positions - prompt_tokens + 1 : 1;
}

std::uint32_t token_bound(std::string_view text) noexcept {
    return saturated(text.size()) + wrapper_tokens;
}

std::uint32_t token_estimate(std::string_view text) noexcept {
    return saturated(text.size()) / 4 + 8;
}

}  // namespace corral::engine::ax_poll
