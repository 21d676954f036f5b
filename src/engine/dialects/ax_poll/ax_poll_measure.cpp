// How long a prompt is: in the turn of its request, and beside the run of another.
#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"

namespace corral::engine::ax_poll {

namespace {

// Beside a run, whose pieces come from the same single-threaded service.
constexpr std::size_t most_beside_bytes = 128UL * 1024;

// `whole`: the prompt goes behind an empty reset, which leaves more room than one with a system prompt.
void judge(prompt_measure& of, const catalog::context_sizes& limits, bool whole) {
    const std::uint32_t room = most_turn_tokens(limits, of.system_tokens);
    of.limit = whole ? most_fresh_tokens(limits) : room > 0 ? of.system_tokens + room : 0;
    of.fits = of.limit > 0 && of.system_tokens + of.turn_tokens <= of.limit;
}

prompt_measure measure_of_verbatim(const catalog::context_sizes& limits, std::uint32_t count, bool whole) {
    prompt_measure out;
    out.system_tokens = reset_share(limits, count);
    out.turn_tokens = count - out.system_tokens;
    out.exact = true;
    if (known(limits)) {
        out.limit = whole ? most_fresh_tokens(limits) : most_verbatim_tokens(limits);
        out.fits = count <= out.limit;
    }
    return out;
}

prompt_measure measure_of(const catalog::context_sizes& limits, const conversation_ids& counted, bool whole) {
    prompt_measure out;
    out.system_tokens = static_cast<std::uint32_t>(counted.system.size());
    out.turn_tokens = static_cast<std::uint32_t>(counted.turns.size());
    out.exact = true;
    judge(out, limits, whole);
    return out;
}

prompt_measure bound_of(const catalog::context_sizes& limits, const chat::rendered_prompt& sent, bool whole) {
    prompt_measure out;
    out.system_tokens = token_bound(sent.system);
    out.turn_tokens = token_bound(sent.turns);
    if (known(limits)) {
        judge(out, limits, whole);
    }
    return out;
}

}  // namespace

// By the ids that were read and written, where the prompt begins with the conversation that the runtime holds: those of
// its text may be more.
core::awaitable<std::optional<prompt_measure>> ax_poll_backend::measure_behind(chat::rendered_prompt sent,
                                                                               core::deadline until) {
    const auto& spoken = cycle_.spoken();
    if (!spoken || !spoken->wrapped || spoken->system != sent.system ||
        !sent.turns.starts_with(spoken->text)) {
        co_return std::nullopt;
    }
    std::string system = sent.system;
    std::string turns = sent.turns;
    verbatim_encoder::predicate unwanted;
    const call_mark asking(tokenizer_calls_);
    core::result<token_ids> ids = co_await verbatim_.encode_wrapped(std::move(system), std::move(turns),
                                                                    until, std::move(unwanted), &*spoken);
    if (!ids || !cycle_.goes_on(*ids)) {
        co_return std::nullopt;
    }
    prompt_measure out;
    out.turn_tokens = static_cast<std::uint32_t>(ids->size());
    out.exact = true;
    judge(out, sizes(), true);
    if (!out.fits) {
        co_return std::nullopt;
    }
    verbatim_.keep_wrapped(std::move(sent.system), std::move(sent.turns), std::move(*ids), true);
    co_return out;
}

core::awaitable<core::result<prompt_measure>> ax_poll_backend::measure(const chat::rendered_prompt& prompt,
                                                                       core::deadline until) {
    const supervisor::box_activity::mark at_work(context_.activity, *context_.clock);
    if (prompt.verbatim) {
        std::string text = prompt.turns;
        co_return co_await measure_verbatim(std::move(text), until);
    }
    const catalog::context_sizes limits = sizes();
    const chat::rendered_prompt sent = keeps_nothing() ? without_reset(prompt) : prompt;
    const bool whole = reads_whole();
    prompt_measure out = bound_of(limits, sent, whole);
    if (!known(limits)) {
        // The runtime itself will say when it is too long.
        out.system_tokens = token_estimate(sent.system);
        out.turn_tokens = token_estimate(sent.turns);
        co_return out;
    }
    if (out.fits && !prompt.count_exactly) {
        co_return out;
    }
    std::string system = sent.system;
    std::string turns = sent.turns;
    const bool can_ask = !places_.tokenizer.empty();
    if (!can_ask) {
        out.system_tokens = token_estimate(system);
        out.turn_tokens = token_estimate(turns);
        judge(out, limits, whole);
        co_return out;
    }
    const core::deadline limit = measure_limit(until);
    if (whole) {
        chat::rendered_prompt copy = sent;
        const std::optional<prompt_measure> behind = co_await measure_behind(std::move(copy), limit);
        if (behind) {
            co_return *behind;
        }
    }
    const call_mark asking(tokenizer_calls_);
    const conversation_ids counted = co_await own_.encode(std::move(system), std::move(turns), limit);
    if (counted.fault == tokenizer_fault::timed_out && !until.passed(context_.clock->now())) {
        on_tokenizer_hung();
    }
    if (counted.fault == tokenizer_fault::too_long) {
        out.fits = false;
        co_return out;
    }
    if (counted.fault == tokenizer_fault::bad_answer) {
        co_await examine_tokenizer(limit);
    }
    if (counted.fault != tokenizer_fault::none) {
        co_return core::make_failure(core::errc::unavailable,
                                     core::say("runtime.tokenizer-away/tokenizer-service", counted.said));
    }
    if (whole) {
        token_ids ids = counted.system;
        ids.insert(ids.end(), counted.turns.begin(), counted.turns.end());
        verbatim_.keep_wrapped(sent.system, sent.turns, std::move(ids));
    }
    co_return measure_of(limits, counted, whole);
}

// What the tokenizer may take for it, which is part of what a reset and a prompt take. A request's own
// deadline is far too late: while one measures no other runs.
core::deadline ax_poll_backend::measure_limit(core::deadline until) const {
    return core::deadline::after(model_.runtime.clocks.reset, context_.clock->now()).sooner(until);
}

core::awaitable<core::result<prompt_measure>> ax_poll_backend::measure_verbatim(std::string text,
                                                                                core::deadline until) {
    prompt_measure out;
    const bool reuses = reads_whole();
    token_ids beginning;
    std::string asked = text;
    core::result<token_ids> ids =
        core::make_failure(core::errc::refused, core::say("runtime.count-not-known/token-ids"));
    if (takes_verbatim()) {
        const core::deadline limit = measure_limit(until);
        verbatim_encoder::predicate unwanted;
        const call_mark asking(tokenizer_calls_);
        const spoken_text* const spoken = reuses && cycle_.spoken() ? &*cycle_.spoken() : nullptr;
        beginning = spoken == nullptr ? token_ids{} : spoken->ids;
        ids = co_await verbatim_.encode(std::move(asked), limit, std::move(unwanted), spoken);
    }
    if (!ids && ids.error().code == core::errc::limit_exceeded) {
        out.turn_tokens = token_estimate(text);
        out.limit = measure_of_verbatim(sizes(), 2, reuses).limit;
        out.fits = false;
        co_return out;
    }
    if (!ids && (ids.error().code == core::errc::refused || ids.error().code == core::errc::invalid)) {
        out.turn_tokens = token_estimate(text);
        co_return out;  // the run says what is wrong with it
    }
    if (!ids) {
        if (ids.error().code == core::errc::timed_out && !until.passed(context_.clock->now())) {
            on_tokenizer_hung();
        } else if (ids.error().code == core::errc::protocol) {
            const core::deadline limit = measure_limit(until);
            co_await examine_tokenizer(limit);
        }
        co_return ids.error();
    }
    out = measure_of_verbatim(sizes(), static_cast<std::uint32_t>(ids->size()), reuses);
    const bool composed = !beginning.empty() && begins_with(*ids, beginning);
    verbatim_.keep(std::move(text), std::move(*ids), composed);
    co_return out;
}

// With what is known of this tokenizer process already, and one call for each text: a new identity takes seconds, in
// which a running answer would stand still.
core::awaitable<core::result<prompt_measure>> ax_poll_backend::count_beside(
    const chat::rendered_prompt& prompt, core::deadline until) {
    look_at_services();
    const process_epochs::mark begun = epochs_.now();
    const catalog::context_sizes limits = sizes();
    const chat::rendered_prompt sent = keeps_nothing() ? without_reset(prompt) : prompt;
    const auto serves = [this, begun] {
        using supervisor::service_state;
        const process_epochs::mark now = epochs_.now();
        return now.runtime_starts == begun.runtime_starts && now.tokenizer_starts == begun.tokenizer_starts &&
               epochs_.since(begun) == process_epochs::loss::none &&
               epochs_.runtime().state == service_state::ready &&
               epochs_.tokenizer().state == service_state::ready;
    };
    if (!prompt.verbatim && known(limits)) {
        const prompt_measure bound = bound_of(limits, sent, reads_whole());
        if (bound.fits && !prompt.count_exactly) {
            co_return bound;
        }
    }
    const bool known_way = prompt.verbatim ? takes_verbatim() && verbatim_.knows_shape() : own_.is_known();
    if (places_.tokenizer.empty() || !known(limits) || !known_way || !serves() ||
        sent.system.size() + sent.turns.size() > most_beside_bytes) {
        co_return core::make_failure(core::errc::refused,
                                     core::say("runtime.count-not-known/counted-beside"));
    }
    const call_mark asking(tokenizer_calls_);
    core::result<prompt_measure> out = prompt_measure{};
    if (prompt.verbatim) {
        std::string text = sent.turns;
        const core::result<token_ids> ids = co_await verbatim_.count(std::move(text), until);
        out = ids ? core::result<prompt_measure>(
                        measure_of_verbatim(limits, static_cast<std::uint32_t>(ids->size()), reads_whole()))
                  : ids.error();
    } else {
        std::string system = sent.system;
        std::string turns = sent.turns;
        const conversation_ids counted = co_await own_.encode(std::move(system), std::move(turns), until);
        out = counted.fault == tokenizer_fault::none
                  ? core::result<prompt_measure>(measure_of(limits, counted, reads_whole()))
                  : core::make_failure(core::errc::unavailable,
                                       core::say("runtime.tokenizer-away/tokenizer-service", counted.said));
    }
    look_at_services();
    if (out && !serves()) {
        co_return core::make_failure(core::errc::refused,
                                     core::say("runtime.count-not-known/services-changed"));
    }
    co_return out;
}

core::awaitable<void> ax_poll_backend::prepare_counting(process_epochs::mark begun) {
    using namespace core::asio::experimental::awaitable_operators;
    if (places_.tokenizer.empty()) {
        co_return;
    }
    constexpr core::seconds most{8};  // a new identity takes 1 to 4 s on a small box
    const core::deadline until = measure_limit(core::deadline::after(most, context_.clock->now()));
    const call_mark asking(tokenizer_calls_);
    verbatim_encoder::predicate unwanted = [this, begun] {
        return epochs_.since(begun) != process_epochs::loss::none;
    };
    if (takes_verbatim()) {
        verbatim_encoder::predicate lost = unwanted;
        std::string text = "Hi there";
        const auto ids = co_await verbatim_.encode(std::move(text), until, std::move(lost));
        if (ids) {
            co_return;
        }
    }
    auto trying = own_.try_plain_texts(until);
    auto losing = until_unwanted(std::move(unwanted));
    auto ended = co_await (std::move(trying) || std::move(losing));
    const conversation_ids* const counted = std::get_if<0>(&ended);
    if (counted != nullptr && counted->fault != tokenizer_fault::none) {
        telemetry::log().debug("tokenizer: {} when a count was tried", counted->said);
    }
}

}  // namespace corral::engine::ax_poll
