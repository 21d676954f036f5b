// What the runtime's cache holds, turn by turn: whether a prompt goes behind it, what a stop leaves of it, and the
// runtime's own word on where its prompt stood (docs/facts/vendor_ax.md).
#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/cycle_fsm.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t ids_with_a_mark =
    2;  // a prompt of one token stands behind a document mark that its text lacks
constexpr std::string_view replacement = "\xEF\xBF\xBD";

}  // namespace

void cycle_fsm::look_for_strays() {
    if (signs_.tap.strays != strays_known_) {
        strays_known_ = signs_.tap.strays;
        cache_.forget();
    }
}

// A runtime that has not shown yet that it prints its lengths could not contradict a wrong ledger.
void cycle_fsm::put_into_cache() {
    look_for_strays();
    if (report_.take_error() || !report_.prints_lengths()) {
        cache_.forget();
    }
    const cache_plan plan = cache_.plan(run_.whole, signs_.sizes, run_.what.owner, signs_.across_owners);
    run_.goes_on = plan.how == cache_plan::way::go_on;
    if (plan.how == cache_plan::way::refuse && !run_.composed) {
        context_full(static_cast<std::uint32_t>(run_.whole.size()));
        return;
    }
    if (!run_.goes_on && run_.composed) {
        run_.ids.reset();
        run_.whole.clear();  // a prompt that is read anew is also tokenised anew
        run_.composed = run_.may_compose = false;
        state_ = encoding{};
        return;
    }
    const auto cut = run_.whole.begin() + static_cast<std::ptrdiff_t>(plan.held);
    prompt_ids ids;
    ids.held.assign(run_.whole.begin(), cut);
    ids.turns.assign(cut, run_.whole.end());
    ids.mark = "(token ids " + std::to_string(++marks_) + ")";
    run_.ids = std::move(ids);
    run_.progress.usage.cached_tokens = static_cast<std::uint32_t>(plan.held);
    if (!run_.goes_on) {
        run_.progress.start = to_string(plan.why);
        tell_debug(std::string("the cache is emptied, reason: ") + to_string(plan.why));
        reset();
        return;
    }
    run_.progress.start = cache_.ahead() ? "ahead" : "continued";
    tell_debug("goes on behind " + std::to_string(plan.held) + " tokens of the cache");
    run_.progress.reset_confirmed = now_;
    generate();
}

// Nothing is generated behind it: a call of the runtime for this prompt would be somebody else's, and gets one id of it.
void cycle_fsm::put_ahead() {
    look_for_strays();
    if (!signs_.tapped || !signs_.reuses) {
        end(run_end::cancelled);
        return;
    }
    prompt_ids ids;
    ids.system = run_.whole;
    ids.turns = {run_.whole.back()};
    ids.mark = "(token ids " + std::to_string(++marks_) + ")";
    run_.ids = std::move(ids);
    tell_debug(std::to_string(run_.whole.size()) + " tokens of the next prompt are computed ahead");
    reset();
}

// As the prompt is put, all that is to be known of its run begins anew.
void cycle_fsm::send_to_cache() {
    run_.unplanned = false;
    run_.strays = signs_.tap.strays;
    run_.stops = 0;
    run_.stop_before_piece = run_.stop_while_held = false;
    run_.held_piece = run_.made_at_hold = 0;
    run_.hold_until = {};
    run_.lengths_right = false;
    run_.unchecked.clear();
    run_.said.clear();
    run_.said_all = false;
    if (run_.reuses) {
        cache_.on_sent(run_.whole, run_.ids->held.size());
    } else {
        cache_.forget();
    }
}

// The runtime is idle, so each of its calls was made.
void cycle_fsm::conclude_cache() {
    if (signs_.tapped && signs_.tap.encode_answered && !signs_.tap.encode_failed) {
        report_.learn_lengths(signs_.tap.system_tokens, signs_.tap.turn_tokens);
    }
    if (!run_.reuses || !cache_.in_flight()) {
        return;
    }
    const token_ledger* const made = signs_.tokens;
    const auto printed = report_.compare(signs_.tap.system_tokens, signs_.tap.turn_tokens);
    finished_run out;
    if (made != nullptr) {
        out.answer = made->all();
        out.calls = made->calls();
        out.whole = made->whole();
        out.piece_after = made->made() > run_.made_at_hold;
    }
    const bool stopped_unasked =
        run_.stops == 0 && report_.judge(signs_.tokens_made) == run_report::ending::stopped;
    const bool failed = report_.take_error() || run_.unplanned || run_.full_text_held;
    out.as_planned = signs_.tapped && signs_.tap.encode_answered && !signs_.tap.encode_failed && !failed &&
                     !stopped_unasked && signs_.tap.strays == run_.strays &&
                     printed != run_report::lengths::wrong && signs_.lost == process_epochs::loss::none;
    out.stops = run_.stops;
    out.before_piece = run_.stop_before_piece;
    out.held_piece = run_.held_piece;
    cache_.conclude(out, signs_.sizes);
    spoken_.reset();
    const bool exact =
        run_.said_all && !run_.said.empty() && run_.said.find(replacement) == std::string::npos;
    const chat::rendered_prompt& prompt = run_.what.prompt;
    const bool written = prompt.verbatim || signs_.wraps_as_family;  // all that was read is known as text
    if (cache_.known() && exact && written && run_.whole.size() > ids_with_a_mark) {
        spoken_text spoken{.text = prompt.turns + (prompt.verbatim ? "" : settings_.closing) + run_.said,
                           .system = prompt.system,
                           .wrapped = !prompt.verbatim,
                           .ids = run_.whole};
        const auto given = std::min<std::size_t>(made->count(), out.answer.size());
        spoken.ids.insert(spoken.ids.end(), out.answer.begin(),
                          out.answer.begin() + static_cast<std::ptrdiff_t>(given));
        spoken_ = std::move(spoken);
    }
}

std::size_t cycle_fsm::held_bytes(const chat::rendered_prompt& prompt, std::string_view owner) const {
    const bool begins = spoken_ && prompt.verbatim != spoken_->wrapped && prompt.system == spoken_->system &&
                        prompt.turns.size() > spoken_->text.size() && prompt.turns.starts_with(spoken_->text);
    return begins && cache_.holds_beginning_of(spoken_->ids, signs_.sizes, owner, signs_.across_owners)
               ? spoken_->system.size() + spoken_->text.size()
               : 0;
}

// ---- stops

void cycle_fsm::ask_stop() {
    run_.stop_while_held = signs_.tap.held_piece > 0;
    if (run_.stops == 0) {
        run_.stop_before_piece = signs_.tokens != nullptr && signs_.tokens->calls() == 0;
    }
    ask(act::stop{});
}

// The piece has to wait from before the stop was sent until it was accepted: one that came in between may be made of a
// broken step.
void cycle_fsm::note_stop(bool accepted) {
    if (!cache_.in_flight()) {
        return;
    }
    if (run_.stops == 0 && accepted && run_.stop_while_held) {
        run_.held_piece = signs_.tap.held_piece;
        run_.made_at_hold = signs_.tokens_made;
    }
    ++run_.stops;
}

bool cycle_fsm::wants_hold() const {
    return run_.reuses && cache_.in_flight() && run_.stops == 0 && !run_.unplanned &&
           (signs_.limit_reached || (signs_.cancelled && !run_.what.expendable));
}

bool cycle_fsm::waits_for_hold() const {
    return run_.stops == 0 && now_ < run_.hold_until && signs_.tap.held_piece == 0;
}

// ---- where the prompt stood

// The line comes with the first text, and its reader may be a moment late.
bool cycle_fsm::keep_unchecked(std::string& text) {
    if (!run_.reuses || run_.lengths_right || !report_.prints_lengths()) {
        return false;
    }
    const bool error = run_.goes_on && report_.has_error();
    run_.lengths_right = !error && report_.compare(signs_.tap.system_tokens, signs_.tap.turn_tokens) ==
                                       run_report::lengths::right;
    if (run_.unchecked.empty()) {
        run_.unchecked_since = sign_now();
    }
    run_.unchecked += text;
    if (run_.lengths_right) {
        text = std::exchange(run_.unchecked, {});
        return false;
    }
    return true;
}

bool cycle_fsm::lengths_judged() {
    if (run_.unchecked.empty() || signs_.cancelled) {
        return false;
    }
    std::string text = std::exchange(run_.unchecked, {});
    const sign since = run_.unchecked_since;
    deliver(std::move(text));
    if (run_.lengths_right) {
        return true;
    }
    run_.unchecked_since = since;
    if (now_ < lengths_due()) {
        return false;
    }
    cache_differs();
    return true;
}

// A starved box reads the line as late as it does everything else.
core::steady_time cycle_fsm::lengths_due() const {
    return now_ + lengths_delay -
           std::min<core::nanoseconds>(silence_since(run_.unchecked_since), lengths_delay);
}

void cycle_fsm::cache_differs() {
    const bool is_unknown =
        !report_.has_error() &&
        report_.compare(signs_.tap.system_tokens, signs_.tap.turn_tokens) == run_report::lengths::unknown;
    cache_.forget();
    run_.unchecked.clear();
    if (is_unknown) {
        set_failure(chat::failure_kind::runtime_failed, chat::failure_cause::cache_untold,
                    core::say("runtime.cache-untold/runtime-said"));
    } else {
        ask(act::report_intrusion{act::report_intrusion::kind::cache});
        set_failure(chat::failure_kind::runtime_failed, chat::failure_cause::cache_differs,
                    core::say("runtime.cache-foreign/runtime-read"));
    }
    retry();
}

}  // namespace corral::engine::ax_poll
