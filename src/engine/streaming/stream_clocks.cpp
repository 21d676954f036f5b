#include "engine/streaming/stream_clocks.hpp"

#include <cmath>

namespace corral::engine::streaming {

namespace {

core::nanoseconds times(core::nanoseconds span, double factor) {
    return core::nanoseconds{std::llround(static_cast<double>(span.count()) * factor)};
}

}  // namespace

prefill_clock::prefill_clock(const catalog::engine_clocks& clocks)
    : per_token_(clocks.prefill_per_token),
      base_(clocks.prefill_base, {clocks.prefill_base, clocks.prefill_bounds.ceiling},
            {"first words", 5, 50, 10}) {}

double prefill_clock::share(std::uint32_t tokens) const {
    return 1.0 + static_cast<double>((per_token_ * tokens).count()) /
                     static_cast<double>(std::max<core::nanoseconds::rep>(base_.start().count(), 1));
}

void prefill_clock::observe(std::uint32_t tokens, core::nanoseconds took) {
    base_.observe(times(took, 1.0 / share(tokens)));
}

core::nanoseconds prefill_clock::limit(std::uint32_t tokens) const {
    return times(base_.limit(), share(tokens));
}

std::string prefill_clock::stand(std::uint32_t tokens) const {
    const double here = share(tokens);
    return "stood at " + supervisor::seconds_text(limit(tokens)) + " for about " + std::to_string(tokens) +
           " tokens (" + base_.basis() + "; floor " + supervisor::seconds_text(times(base_.floor(), here)) +
           ", ceiling " + supervisor::seconds_text(times(base_.ceiling(), here)) + ")";
}

stream_clocks::stream_clocks(const catalog::engine_clocks& clocks)
    : prefill(clocks), decode(clocks.decode_stall, clocks.decode_bounds, {"gaps", 50, 200, 10}) {}

}  // namespace corral::engine::streaming
