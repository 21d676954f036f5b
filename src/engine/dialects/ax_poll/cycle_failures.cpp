// How a turn of the machine ends early: told apart and named, and when silence counts as hung.
#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "engine/dialects/ax_poll/tokenizer_client.hpp"
#include "engine/group_availability.hpp"
#include "engine/loss_text.hpp"

namespace corral::engine::ax_poll {

namespace {

using supervisor::seconds_text;

constexpr core::seconds death_notice{2};  // a broken connection comes before the report of the process's end
constexpr core::seconds heeds_a_stop{2};
constexpr core::milliseconds copies_a_row{1};  // of 295 KB, over a link of 0.4 GB/s

}  // namespace

void cycle_fsm::set_failure(chat::failure_kind kind, core::reason message) {
    run_failure what;
    what.kind = kind;
    what.message = std::move(message);
    what.retryable = kind != chat::failure_kind::timed_out && kind != chat::failure_kind::context_too_long &&
                     kind != chat::failure_kind::bad_request && kind != chat::failure_kind::unsupported;
    run_.failure = std::move(what);
}

void cycle_fsm::fail(chat::failure_kind kind, core::reason message) {
    set_failure(kind, std::move(message));
    end(run_end::failed);
}

void cycle_fsm::fail_and_restart(core::reason message) {
    run_.restart_cause = message;
    fail(chat::failure_kind::runtime_failed, with_restart(message));
}

void cycle_fsm::fail_as_hung(core::reason message) {
    if (run_.prompt_inside) {
        note_hang(message);
    }
    fail_and_restart(std::move(message));
}

// The prompt is not to blame where a signal stopped the process, or the whole box stood still.
void cycle_fsm::note_hang(const std::string& message) {
    const core::nanoseconds late = learned_.late.total() - run_.last_sign_of_life.late;
    if (!signs_.halted && late < stalled_box) {
        run_.loss = {run_loss::how::hung, false, message};
    }
}

void cycle_fsm::context_full(std::uint32_t prompt_tokens) {
    const catalog::context_sizes& sizes = signs_.sizes;
    fail(chat::failure_kind::context_too_long,
         prompt_tokens > 0 && known(sizes)
             ? core::say("request.too-long/blocks", prompt_tokens, sizes.prompt_limit, sizes.chunk)
             : core::say("request.too-long/runtime", "."));
}

void cycle_fsm::foreign_ids() {
    set_failure(chat::failure_kind::runtime_failed, core::say("runtime.tokenizer-foreign/tokenizer-service"));
    run_.failure->retryable = false;
    end(run_end::failed);
}

void cycle_fsm::no_tokens(std::string_view unanswered) {
    if (signs_.tapped && signs_.tap.text_refused) {
        set_failure(chat::failure_kind::runtime_failed,
                    core::say("runtime.tokenizer-away/text-refused", signs_.tap.trouble));
        run_.failure->retryable = false;
        return;
    }
    const bool has_trouble = signs_.tapped && !signs_.tap.trouble.empty();
    run_.doubts_tokenizer = !signs_.tapped;
    const core::reason why =
        has_trouble ? signs_.tap.trouble : core::say("runtime.tokenizer-away/tokenizer-service", unanswered);
    set_failure(chat::failure_kind::unavailable, core::say("runtime.tokenizer-away/found", why));
}

void cycle_fsm::no_prompt_tokens() {
    no_tokens("did not answer for the prompt");
}

// Of a failed encode a build without a reset never clears its flag (docs/facts/vendor_ax.md#vlm-build), so no stop and
// no wait repairs it. A prompt that is too long is no fault of the runtime's.
void cycle_fsm::busy_for_ever() {
    const core::reason why = core::say("runtime.not-run/encode");
    if (lines_.said(" > prefill_token_num(")) {
        run_.restart_cause = why;
        run_.restart_why = supervisor::restart_reason::cancel;
        context_full(0);
    } else {
        fail_as_hung(why);
    }
}

void cycle_fsm::no_reset_tokens() {
    no_tokens("did not answer while the runtime was reset");
}

// What is no matter of a tokenizer that is away, a wrapped prompt is left to the runtime's own calls for.
void cycle_fsm::encode_failed(const core::failure& why) {
    const bool away = why.code == core::errc::timed_out || why.code == core::errc::unavailable;
    if (!run_.what.prompt.verbatim && !away) {
        tell_debug("the prompt is tokenised by the runtime: " + why.message);
        reuse_.give_up();
        drain();
        return;
    }
    if (why.code == core::errc::invalid) {
        fail(chat::failure_kind::bad_request, core::say("request.verbatim/too-short", why.message));
        return;
    }
    if (why.code == core::errc::refused) {
        fail(chat::failure_kind::unsupported, core::say("request.verbatim/raw", why.message));
        return;
    }
    if (why.code == core::errc::limit_exceeded) {
        context_full(0);
        return;
    }
    if (why.code == core::errc::timed_out) {
        ask(act::report_tokenizer_hung{});
    }
    set_failure(chat::failure_kind::unavailable, core::say("runtime.tokenizer-away/found", why.message));
    run_.doubts_tokenizer = why.code == core::errc::protocol;
    end(run_end::failed);
}

void cycle_fsm::take_ids(token_ids ids) {
    const catalog::context_sizes& sizes = signs_.sizes;
    const auto count = static_cast<std::uint32_t>(ids.size());
    if (!within_vocabulary(ids, sizes.vocabulary)) {
        foreign_ids();
        return;
    }
    const std::uint32_t most = reuse_.on() ? most_fresh_tokens(sizes) : most_verbatim_tokens(sizes);
    const bool composed = reuse_.composed_of_spoken(ids);
    if (known(sizes) && count > most && !composed) {
        context_full(count);
        return;
    }
    if (reuse_.on()) {
        reuse_.take(std::move(ids), composed);
        return;
    }
    const auto cut = ids.begin() + static_cast<std::ptrdiff_t>(reset_share(sizes, count));
    prompt_ids out;
    out.system.assign(ids.begin(), cut);
    out.turns.assign(cut, ids.end());
    run_.ids = std::move(out);
}

bool cycle_fsm::interrupted() {
    // A reset can't be interrupted, and what it computes may be what is wanted next; nor is its failure left unseen.
    const bool goes_on = run_.ahead && (std::holds_alternative<confirming>(state_) ||
                                        std::holds_alternative<noticing>(state_));
    if (signs_.cancelled && !goes_on) {
        end(run_end::cancelled);
    } else if (signs_.lost != process_epochs::loss::none) {
        fail_by_loss();
    } else if (run_.what.until.passed(now_)) {
        fail(chat::failure_kind::timed_out, core::say("request.took-too-long"));
    } else {
        return false;
    }
    return true;
}

void cycle_fsm::fail_by_loss() {
    if (signs_.lost == process_epochs::loss::stopping) {
        fail(chat::failure_kind::unavailable, core::say("runtime.given-up/runtime"));
        return;
    }
    const bool tokenizer = signs_.lost == process_epochs::loss::tokenizer;
    set_failure(chat::failure_kind::runtime_failed,
                signs_.restarted ? core::say("request.restarted/found", signs_.loss_text)
                : tokenizer      ? core::say("request.tokenizer-died/found", signs_.loss_text)
                                 : core::say("request.runtime-died/found", signs_.loss_text));
    if (signs_.runtime_fell && run_.prompt_inside) {
        run_.loss = {run_loss::how::died, false, signs_.loss_text};
    }
    end(run_end::failed);
}

void cycle_fsm::call_failed(const char* call, const core::failure& why) {
    const bool silent = why.code == core::make_error_code(core::errc::timed_out);
    state_ = noticing{call, silent, why.message, core::deadline::after(death_notice, now_)};
}

void cycle_fsm::decide(noticing& in) {
    if (!in.silent && !in.patience.passed(now_)) {
        if (signs_.lost != process_epochs::loss::none) {
            fail_by_loss();
        } else if (signs_.cancelled && !run_.ahead) {
            end(run_end::cancelled);
        } else {
            poll_or_rest(false, in.patience.at());
        }
        return;
    }
    const noticing what = std::move(in);
    tell(act::note::level::warn, core::say("runtime.hung/call", what.call, what.why));
    if (what.silent) {
        hung(what.call);
    } else {
        fail(chat::failure_kind::runtime_failed, core::say("runtime.hung/runtime", what.call));
    }
}

// ---- silence

moment cycle_fsm::moment_of_now() const {
    return {now_, learned_.late.total(), signs_.tapped ? signs_.tap.waited : core::nanoseconds{0}};
}

core::nanoseconds cycle_fsm::silence_since(const moment& last) const {
    const core::nanoseconds late = learned_.late.total() - last.late;
    // Counted anew with every process of the runtime.
    const core::nanoseconds waited = signs_.tapped
                                         ? std::max(signs_.tap.waited - last.waited, core::nanoseconds{0})
                                         : core::nanoseconds{0};
    return std::max<core::nanoseconds>(now_ - last.at - late - waited, core::nanoseconds{0});
}

prompt_size cycle_fsm::size_of_turns() const {
    if (run_.ids) {
        return {static_cast<std::uint32_t>(run_.ids->turns.size()), signs_.sizes.chunk};
    }
    if (signs_.tapped && signs_.tap.encode_answered) {
        return {signs_.tap.turn_tokens, signs_.sizes.chunk};
    }
    return {token_estimate(run_.what.prompt.turns), signs_.sizes.chunk};
}

prompt_size cycle_fsm::size_of_system() const {
    if (run_.ids) {
        return {static_cast<std::uint32_t>(run_.ids->system.size()), signs_.sizes.chunk};
    }
    return {token_estimate(run_.what.prompt.system), signs_.sizes.chunk};
}

bool cycle_fsm::stalled() {
    core::nanoseconds silence = silence_since(run_.last_sign_of_life);
    bool decoding = run_.text_given;
    if (signs_.tapped) {
        if (signs_.tap.calls_open > 0) {
            return false;  // it waits for its tokenizer
        }
        if (signs_.tap.last_answer > run_.last_sign_of_life.at) {
            const core::nanoseconds late = learned_.late.total() - run_.last_sign_of_life.late;
            silence = std::min<core::nanoseconds>(silence, now_ - signs_.tap.last_answer - late);
        }
        decoding = decoding || signs_.tap.pieces_answered > 0;
    }
    const prompt_size size = size_of_turns();
    if (silence <= (decoding ? learned_.decode.limit() : learned_.prefill.limit(size))) {
        return false;
    }
    run_.restart_pair = suspect_ && !decoding;
    const std::string length = " No text came for " + seconds_text(silence) + "; the ";
    if (decoding) {
        fail_as_hung(core::say("runtime.hung/runtime-stopped", length, learned_.decode.stand()));
        if (teaches()) {
            learned_.decode.ran_out();
        }
    } else {
        fail_as_hung(core::say("runtime.hung/runtime-begin", length, learned_.prefill.stand(size)));
        if (teaches()) {
            learned_.prefill.ran_out();
        }
    }
    return true;
}

bool cycle_fsm::reset_stalled() {
    const bool waits_for_tokenizer = signs_.tapped && signs_.tap.calls_open > 0;
    const prompt_size size = size_of_system();
    const core::nanoseconds silence = silence_since(run_.reset_sent);
    if (waits_for_tokenizer || silence <= learned_.reset.limit(size)) {
        return false;
    }
    fail_as_hung(core::say("runtime.hung/runtime-finish", seconds_text(silence), learned_.reset.stand(size)));
    if (teaches()) {
        learned_.reset.ran_out();
    }
    return true;
}

bool cycle_fsm::moved_since(const moment& then) const {
    return run_.last_sign_of_life.at > then.at || (signs_.tapped && signs_.tap.last_answer > then.at);
}

// A stop ends a prefill after a layer and an answer after a token (docs/facts/vendor_ax.md#races), so what this
// process took for the reset is far more than enough. The rows of a prompt that goes behind them are copied up first, and
// that heeds no stop (docs/facts/vendor_ax.md#continuing).
bool cycle_fsm::stands_still(const scrubbing& in) const {
    const bool known =
        signs_.tapped && run_.progress.prompt_accepted && (reuse_.goes_on() || run_.reset_took.count() > 0);
    if (in.what != scrub_for::the_next_borrower || !in.stops || !known || signs_.tap.calls_open > 0) {
        return false;
    }
    moment last = run_.last_sign_of_life.at > in.began.at ? run_.last_sign_of_life : in.began;
    last.at = std::max(last.at, signs_.tap.last_answer);
    const core::nanoseconds copying =
        reuse_.goes_on() ? copies_a_row * reuse_.whole().size() : core::nanoseconds{0};
    return silence_since(last) > copying + std::max<core::nanoseconds>(heeds_a_stop, 2 * run_.reset_took);
}

void cycle_fsm::hung(const char* call) {
    fail_as_hung(core::say("runtime.hung/runtime-took", call, learned_.call.stand()));
    if (teaches()) {
        learned_.call.ran_out();
    }
}

}  // namespace corral::engine::ax_poll
