// What a prompt to the token needs before the cycle: its ids, because the runtime is sent no text of it.
#include <utility>

#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_runner.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr core::seconds encode_limit{60};  // a tokenizer service starts again in this time

}  // namespace

core::awaitable<cycle_runner::early> cycle_runner::encode_verbatim(run_state& now) {
    if (!now.what.prompt.verbatim || now.ids) {
        co_return std::nullopt;
    }
    if (!tapped() || parts_.verbatim == nullptr) {
        co_return verbatim_failed(
            now, core::make_failure(core::errc::refused,
                                    "This model's runtime asks its tokenizer without Corral, so it can't run "
                                    "a prompt as it stands."));
    }
    if (const early end = interrupted(now)) {
        co_return end;
    }
    const core::deadline until = core::deadline::after(encode_limit, clock_now()).sooner(now.what.until);
    std::string text = now.what.prompt.turns;
    verbatim_encoder::predicate unwanted = [this, &now] {
        return now.control->cancelled() || parts_.watch->since(now.began) != service_watch::loss::none;
    };
    core::result<token_ids> ids =
        co_await parts_.verbatim->encode(std::move(text), until, std::move(unwanted));
    if (const early end = interrupted(now)) {
        co_return end;
    }
    if (!ids) {
        co_return verbatim_failed(now, ids.error());
    }
    co_return take_verbatim(now, std::move(*ids));
}

cycle_runner::early cycle_runner::take_verbatim(run_state& now, token_ids ids) const {
    const catalog::context_sizes sizes = parts_.sizes();
    const auto count = static_cast<std::uint32_t>(ids.size());
    if (!within_vocabulary(ids, sizes.vocabulary)) {
        return foreign_ids(now);
    }
    if (known(sizes) && count > most_verbatim_tokens(sizes)) {
        return context_full(now, count);
    }
    const auto cut = ids.begin() + static_cast<std::ptrdiff_t>(reset_share(sizes, count));
    prompt_ids out;
    out.system.assign(ids.begin(), cut);
    out.turns.assign(cut, ids.end());
    now.ids = std::move(out);
    return std::nullopt;
}

cycle_runner::verdict cycle_runner::verbatim_failed(run_state& now, const core::failure& why) const {
    if (why.code == core::errc::invalid) {
        return fail(now, chat::failure_kind::bad_request, "prompt-too-short", why.message);
    }
    if (why.code == core::errc::refused) {
        return fail(now, chat::failure_kind::unsupported, "verbatim-impossible", why.message);
    }
    if (why.code == core::errc::timed_out && parts_.tokenizer_hung) {
        parts_.tokenizer_hung();
    }
    return fail(now, chat::failure_kind::unavailable, "tokenizer-unavailable",
                "The tokenizer service did not answer for the prompt.");
}

}  // namespace corral::engine::ax_poll
