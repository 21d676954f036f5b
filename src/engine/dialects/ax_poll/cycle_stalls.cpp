// When a runtime that gives no sign counts as hung, and what is said of the clock that ran out.
#include <algorithm>

#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_runner.hpp"

namespace corral::engine::ax_poll {

using supervisor::seconds_text;

cycle_runner::sign cycle_runner::sign_at(core::steady_time at) const {
    sign out;
    out.at = at;
    out.late = parts_.learned->late.total();
    out.waited = tapped() ? parts_.tap->view().waited : core::nanoseconds{0};
    return out;
}

core::nanoseconds cycle_runner::silence_since(const sign& last) const {
    const core::nanoseconds late = parts_.learned->late.total() - last.late;
    // Counted anew with every process of the runtime.
    const core::nanoseconds waited =
        tapped() ? std::max(parts_.tap->view().waited - last.waited, core::nanoseconds{0})
                 : core::nanoseconds{0};
    return std::max<core::nanoseconds>(clock_now() - last.at - late - waited, core::nanoseconds{0});
}

prompt_size cycle_runner::size_of_turns(const run_state& now) const {
    const std::uint32_t chunk = parts_.sizes().chunk;
    if (now.ids) {
        return {static_cast<std::uint32_t>(now.ids->turns.size()), chunk};
    }
    if (tapped() && parts_.tap->view().encode_answered) {
        return {parts_.tap->view().turn_tokens, chunk};
    }
    return {token_estimate(now.what.prompt.turns), chunk};
}

prompt_size cycle_runner::size_of_system(const run_state& now) const {
    const std::uint32_t chunk = parts_.sizes().chunk;
    if (now.ids) {
        return {static_cast<std::uint32_t>(now.ids->system.size()), chunk};
    }
    return {token_estimate(now.what.prompt.system), chunk};
}

cycle_runner::early cycle_runner::stalled(run_state& now) const {
    core::nanoseconds silence = silence_since(last_sign_of_life_);
    bool decoding = now.text_given;
    if (tapped()) {
        const tap_view& seen = parts_.tap->view();
        if (seen.calls_open > 0) {
            return std::nullopt;  // it waits for its tokenizer
        }
        if (seen.last_answer > last_sign_of_life_.at) {
            const core::nanoseconds late = parts_.learned->late.total() - last_sign_of_life_.late;
            silence = std::min<core::nanoseconds>(silence, clock_now() - seen.last_answer - late);
        }
        decoding = decoding || seen.pieces_answered > 0;
    }
    cycle_clocks& clocks = *parts_.learned;
    const prompt_size size = size_of_turns(now);
    if (silence <= (decoding ? clocks.decode.limit() : clocks.prefill.limit(size))) {
        return std::nullopt;
    }
    now.restart_pair = suspect_ && !decoding;
    const std::string said = " No text came for " + seconds_text(silence) + "; the ";
    if (decoding) {
        const verdict end = fail_and_restart(now, "decode-stalled",
                                             "The runtime stopped in the middle of an answer." + said +
                                                 "decode clock " + clocks.decode.stand() + ".");
        clocks.decode.ran_out();
        return end;
    }
    const verdict end = fail_and_restart(now, "prefill-stalled",
                                         "The runtime did not begin to answer in its time." + said +
                                             "prefill clock " + clocks.prefill.stand(size) + ".");
    clocks.prefill.ran_out();
    return end;
}

cycle_runner::early cycle_runner::reset_stalled(run_state& now) const {
    cycle_clocks& clocks = *parts_.learned;
    const bool waits_for_tokenizer = tapped() && parts_.tap->view().calls_open > 0;
    const prompt_size size = size_of_system(now);
    const core::nanoseconds silence = silence_since(reset_sent_);
    if (waits_for_tokenizer || silence <= clocks.reset.limit(size)) {
        return std::nullopt;
    }
    const verdict end =
        fail_and_restart(now, "reset-stalled",
                         "The runtime did not finish a reset in its time. It was busy with it for " +
                             seconds_text(silence) + "; the reset clock " + clocks.reset.stand(size) + ".");
    clocks.reset.ran_out();
    return end;
}

cycle_runner::verdict cycle_runner::hung(run_state& now, const char* call) const {
    supervisor::learned_clock& clock = parts_.learned->call;
    const verdict end =
        fail_and_restart(now, "runtime-hung",
                         std::string("The runtime took a call and did not answer it. It was ") + call +
                             "; the call clock " + clock.stand() + ".");
    clock.ran_out();
    return end;
}

}  // namespace corral::engine::ax_poll
