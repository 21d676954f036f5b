#pragma once
// What the silence of a streaming server is judged by, for one model, over all its processes. No I/O.

#include <cstdint>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "engine/stall_lesson.hpp"

namespace corral::engine::streaming {

// From a request to the first text: the profile's base and so much for each token of the prompt, never less.
// Such servers remember prompts that they have read, so quick ones say nothing of the next one; slow ones do,
// for a slow box, or a server that says nothing before its answer is whole, is slow again.
class prefill_clock {
public:
    explicit prefill_clock(const catalog::engine_clocks& clocks);

    // The first text of a prompt of about so many tokens took this long to come, and came.
    void observe(std::uint32_t tokens, core::nanoseconds took);
    void ran_out() { base_.ran_out(); }

    [[nodiscard]] core::nanoseconds limit(std::uint32_t tokens) const;
    // "stood at 74 s for about 120 tokens (learned from ...; floor 60 s, ceiling 600 s)".
    [[nodiscard]] std::string stand(std::uint32_t tokens) const;

private:
    // What the profile gives this prompt, over what it gives one of no tokens.
    [[nodiscard]] double share(std::uint32_t tokens) const;

    core::nanoseconds per_token_;
    supervisor::learned_clock base_;
};

struct stream_clocks {
    explicit stream_clocks(const catalog::engine_clocks& clocks);

    prefill_clock prefill;
    supervisor::learned_clock decode;  // from one piece of text to the next
    core::lateness late;               // of our own loop: all of them are longer by it
    stall_lesson lesson;
};

}  // namespace corral::engine::streaming
