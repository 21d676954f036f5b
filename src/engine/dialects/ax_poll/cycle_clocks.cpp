#include "engine/dialects/ax_poll/cycle_clocks.hpp"

#include <algorithm>
#include <cmath>

namespace corral::engine::ax_poll {

namespace {

constexpr std::uint32_t usual_chunk = 128;
// Prompts come one at a time; five of them, times ten, tell more than any default.
constexpr std::size_t enough = 5;
constexpr std::size_t kept = 50;
constexpr unsigned factor = 10;

std::int64_t chunks_of(prompt_size size) {
    const std::uint32_t chunk = size.chunk == 0 ? usual_chunk : size.chunk;
    return std::max<std::int64_t>(1, (static_cast<std::int64_t>(size.tokens) + chunk - 1) / chunk);
}

// Per chunk there is no floor: the whole has one.
catalog::clock_bounds bounds_of_a_chunk(core::nanoseconds ceiling, core::nanoseconds per_token) {
    const core::nanoseconds most = ceiling + per_token * usual_chunk;
    return {core::milliseconds{0}, std::chrono::duration_cast<core::milliseconds>(most)};
}

}  // namespace

chunk_clock::chunk_clock(core::nanoseconds base, core::nanoseconds per_token, catalog::clock_bounds bounds,
                         const char* what)
    : base_(base),
      per_token_(per_token),
      floor_(std::min<core::nanoseconds>(bounds.floor, base)),
      ceiling_(std::max<core::nanoseconds>(bounds.ceiling, base)),
      per_chunk_(base + per_token * usual_chunk, bounds_of_a_chunk(ceiling_, per_token),
                 {what, enough, kept, factor}) {}

void chunk_clock::observe(prompt_size size, core::nanoseconds took) {
    per_chunk_.observe(took / chunks_of(size));
}

core::nanoseconds chunk_clock::limit(prompt_size size) const {
    const core::nanoseconds for_tokens = per_token_ * size.tokens;
    // Above 1 where it ran out in vain, or the box is slower than its profile.
    const double wider =
        std::max(1.0, static_cast<double>(per_chunk_.limit().count()) /
                          static_cast<double>(std::max<std::int64_t>(per_chunk_.start().count(), 1)));
    const auto allowed =
        core::nanoseconds{std::llround(static_cast<double>((base_ + for_tokens).count()) * wider)};
    const core::nanoseconds most = std::min(allowed, ceiling_ + for_tokens);
    return std::clamp(per_chunk_.limit() * chunks_of(size), std::min(floor_, most), most);
}

core::nanoseconds chunk_clock::latest(prompt_size size) const noexcept {
    return size.tokens == 0 ? core::nanoseconds{0} : per_chunk_.latest() * chunks_of(size);
}

std::string chunk_clock::stand(prompt_size size) const {
    const std::int64_t chunks = chunks_of(size);
    return "stood at " + supervisor::seconds_text(limit(size)) + " for " + std::to_string(size.tokens) +
           " tokens in " + std::to_string(chunks) + (chunks == 1 ? " chunk (" : " chunks (") +
           per_chunk_.basis() + "; floor " + supervisor::seconds_text(floor_) + ", ceiling " +
           supervisor::seconds_text(ceiling_ + per_token_ * size.tokens) + ")";
}

}  // namespace corral::engine::ax_poll
