#include "generation/run_figures.hpp"

#include <algorithm>

#include "corral/core/stated_number.hpp"

namespace corral::generation {

namespace {

core::nanoseconds between(core::steady_time from, core::steady_time to) {
    const bool known = from != core::steady_time{} && to != core::steady_time{};
    return known && to > from ? std::chrono::duration_cast<core::nanoseconds>(to - from)
                              : core::nanoseconds{0};
}

}  // namespace

void run_figures::begin_run(core::steady_time at) {
    leased_ = at;
    progress_ = {};
    hide(0, std::nullopt);
    tokens_at_first_text_ = 0;
}

void run_figures::note_text(const engine::run_progress& now) {
    progress_ = now;
    if (tokens_at_first_text_ == 0) {
        tokens_at_first_text_ = now.usage.generated_tokens;
    }
}

void run_figures::keep_run(core::steady_time at, bool goes_on) {
    begun_ = goes_on ? std::optional(begun_.value_or(progress_.usage)) : std::nullopt;
    const core::nanoseconds decode = timings(at).decode;
    earlier_tokens_ = core::sum_of(earlier_tokens_, counted_tokens());
    earlier_exact_ = earlier_exact_ && progress_.usage.exact;
    earlier_decode_ = decode;
    if (const auto& took = progress_.stages.detokenise) {
        earlier_detokenise_ = core::sum_of(earlier_detokenise_.value_or(core::nanoseconds{0}), *took);
    }
    earlier_runs_ += between(leased_, at);
    progress_.usage.generated_tokens = 0;
    progress_.first_text = {};
}

std::uint32_t run_figures::counted_tokens() const {
    const std::uint32_t made = progress_.usage.generated_tokens;
    const std::uint32_t shown = made - std::min(made, hidden_tokens_);
    return most_tokens_ ? std::min(shown, *most_tokens_) : shown;
}

chat::token_usage run_figures::prompt() const {
    chat::token_usage out = progress_.usage;
    if (begun_) {
        out.prompt_tokens = begun_->prompt_tokens;
        out.cached_tokens = begun_->cached_tokens;
    }
    return out;
}

chat::token_usage run_figures::usage() const {
    chat::token_usage out = prompt();
    out.generated_tokens = core::sum_of(counted_tokens(), earlier_tokens_);
    out.exact = out.exact && earlier_exact_;
    return out;
}

// Text first shows when a whole piece of tokens is done (docs/facts/vendor_ax.md#cycle), so the
// tokens of the first piece were decoded before it; their time is taken at the pace of the rest. Else short
// answers would look twice as fast as they are. An answer of one piece shows no pace: a token then counts as
// much as a chunk of the prompt, both being one pass through the model.
core::nanoseconds run_figures::decode_before_first_text(core::nanoseconds after_it,
                                                        core::nanoseconds before_it) const {
    constexpr std::uint32_t chunk = 128;
    const double all = progress_.usage.generated_tokens;
    const double first = tokens_at_first_text_;
    if (first == 0) {
        return core::nanoseconds{0};
    }
    if (all <= first) {
        const chat::token_usage& read = progress_.usage;
        const std::uint32_t chunks =
            (read.prompt_tokens - std::min(read.cached_tokens, read.prompt_tokens)) / chunk + 1;
        return core::share_of(before_it, first, chunks + first);
    }
    return std::min(core::share_of(after_it, first - 1, all - first), before_it / 10 * 9);
}

// A runtime that says what its stages took knows better; what it says can't be more than what passed. Where both
// together are not a thousandth of that it has written milliseconds into fields of nanoseconds
// (docs/facts/other_runtimes.md#rkllama), and is not believed.
core::nanoseconds run_figures::hidden_decode(const chat::generation_timings& seen) const {
    const core::nanoseconds both = seen.prefill + seen.decode;
    const auto& stages = progress_.stages;
    if (stages.prefill && stages.decode && core::sum_of(*stages.prefill, *stages.decode) < both / 1000) {
        return decode_before_first_text(seen.decode, seen.prefill);
    }
    if (const auto& prefill = stages.prefill) {
        return seen.prefill - std::clamp(*prefill, core::nanoseconds{0}, both);
    }
    if (const auto& decode = stages.decode) {
        return std::clamp(*decode, core::nanoseconds{0}, both) - seen.decode;
    }
    return decode_before_first_text(seen.decode, seen.prefill);
}

chat::generation_timings run_figures::timings(core::steady_time now) const {
    chat::generation_timings out;
    out.queue = std::max(between(arrived_, leased_) - earlier_runs_, core::nanoseconds{0});
    out.reset = between(leased_, progress_.reset_confirmed);
    out.prefill = between(progress_.generate_accepted, progress_.first_text);
    out.decode = between(progress_.first_text, now);
    const core::nanoseconds hidden = hidden_decode(out);
    out.prefill -= hidden;
    out.decode += hidden + earlier_decode_;
    out.total = between(arrived_, now);
    out.prompt = prompt();
    out.tokenise = progress_.stages.tokenise;
    out.detokenise = progress_.stages.detokenise;
    if (earlier_detokenise_) {
        out.detokenise = core::sum_of(out.detokenise.value_or(core::nanoseconds{0}), *earlier_detokenise_);
    }
    return out;
}

chat::generation_timings run_figures::stages_so_far(core::steady_time now) const {
    chat::generation_timings out = timings(now);
    out.decode = core::nanoseconds{0};
    out.total = core::nanoseconds{0};
    out.detokenise.reset();
    return out;
}

bool run_figures::leaves_room(std::uint32_t prompt_limit) const {
    constexpr std::uint32_t margin = 64;  // tokens: a text's ids are not always those that wrote it
    const chat::token_usage used = usage();
    return prompt_limit > 0 &&
           core::sum_of(used.prompt_tokens, used.generated_tokens) + margin < prompt_limit;
}

}  // namespace corral::generation
