#include "engine/dialects/ax_poll/reuse_fsm.hpp"

#include <algorithm>
#include <utility>

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

// A prompt of one token stands behind a document mark that its text lacks.
constexpr std::size_t ids_with_a_mark = 2;
constexpr std::string_view replacement = "\xEF\xBF\xBD";
// A piece is three tokens; a slower box has its cache computed anew.
constexpr core::nanoseconds hold_patience = 1s;

}  // namespace

// ---- a turn

void reuse_fsm::begin() {
    state_ = off{};
    run_ = run_state{};
}

void reuse_fsm::begin_ahead(token_ids ids) {
    begin();
    state_ = counted_prompt{std::move(ids)};
}

void reuse_fsm::allow(bool can) {
    if (!can && std::holds_alternative<open_prompt>(state_)) {
        state_ = off{};
    } else if (can && std::holds_alternative<off>(state_)) {
        state_ = open_prompt{};
    }
}

bool reuse_fsm::on() const noexcept {
    return std::holds_alternative<open_prompt>(state_) || counted();
}

bool reuse_fsm::composes(const chat::rendered_prompt& prompt, std::string_view owner,
                         const cycle_signs& signs) {
    auto* const open = std::get_if<open_prompt>(&state_);
    if (open == nullptr) {
        return false;
    }
    open->may_compose = open->may_compose && held_bytes(prompt, owner, signs) > 0;
    return open->may_compose;
}

bool reuse_fsm::composed_of_spoken(const token_ids& ids) const {
    const auto* const open = std::get_if<open_prompt>(&state_);
    return open != nullptr && open->may_compose && spoken_ && begins_with(ids, spoken_->ids);
}

void reuse_fsm::take(token_ids ids, bool composed) {
    state_ = counted_prompt{std::move(ids), composed};
}

const token_ids& reuse_fsm::whole() const noexcept {
    static const token_ids none;
    const auto* const prompt = std::get_if<counted_prompt>(&state_);
    return prompt != nullptr ? prompt->ids : none;
}

bool reuse_fsm::goes_on() const noexcept {
    const auto* const prompt = std::get_if<counted_prompt>(&state_);
    return prompt != nullptr && prompt->goes_on;
}

void reuse_fsm::look_for_strays(const cycle_signs& signs) {
    if (signs.tap.strays != strays_known_) {
        strays_known_ = signs.tap.strays;
        cache_.forget();
    }
}

std::string reuse_fsm::next_mark() {
    return "(token ids " + std::to_string(++marks_) + ")";
}

// A runtime that has not shown yet that it prints its lengths could not contradict a wrong ledger.
reuse_fsm::start reuse_fsm::plan(run_report& report, const cycle_signs& signs, std::string_view owner) {
    look_for_strays(signs);
    if (report.take_error() || !report.prints_lengths()) {
        cache_.forget();
    }
    auto& prompt = std::get<counted_prompt>(state_);
    const cache_plan plan = cache_.plan(prompt.ids, signs.sizes, owner, signs.across_owners);
    prompt.goes_on = plan.how == cache_plan::way::go_on;
    start out;
    if (prompt.composed && !prompt.goes_on) {
        state_ = open_prompt{false};
        out.how = way::anew;
        return out;
    }
    if (plan.how == cache_plan::way::refuse) {
        out.how = way::too_long;
        return out;
    }
    const auto cut = prompt.ids.begin() + static_cast<std::ptrdiff_t>(plan.held);
    out.ids.held.assign(prompt.ids.begin(), cut);
    out.ids.turns.assign(cut, prompt.ids.end());
    out.ids.mark = next_mark();
    out.how = prompt.goes_on ? way::behind : way::reset;
    const char* const held = cache_.ahead() ? "ahead" : "continued";
    out.why = prompt.goes_on ? held : to_string(plan.why);
    return out;
}

// Nothing is generated behind it: a call of the runtime for this prompt would be somebody else's, and gets one id of it.
prompt_ids reuse_fsm::plan_ahead(const cycle_signs& signs) {
    look_for_strays(signs);
    prompt_ids out;
    out.system = whole();
    out.turns = {whole().back()};
    out.mark = next_mark();
    return out;
}

void reuse_fsm::on_reset(const std::string& owner) {
    if (on()) {
        cache_.on_reset(owner);
    }
}

void reuse_fsm::on_computed_ahead(const std::string& owner) {
    cache_.on_reset(owner, whole());
}

// ---- a run

void reuse_fsm::on_sent(std::size_t held, const cycle_signs& signs) {
    run_ = run_state{};
    run_.strays = signs.tap.strays;
    if (counted()) {
        cache_.on_sent(whole(), held);
    } else {
        cache_.forget();
    }
}

void reuse_fsm::on_given(std::string_view text) {
    if (on()) {
        run_.said += text;
    }
}

void reuse_fsm::wait_for_piece(bool expendable, const cycle_signs& signs, core::steady_time now) {
    const bool may_hold =
        !(expendable && signs.cancelled) && on() && cache_.in_flight() && !run_.doubted && run_.stops == 0;
    if (may_hold && signs.tokens != nullptr && signs.tokens->calls() > 0) {
        run_.hold_until = now + hold_patience;
    }
}

std::optional<core::steady_time> reuse_fsm::waits_for_piece(const cycle_signs& signs,
                                                            core::steady_time now) const {
    const bool waits = run_.stops == 0 && now < run_.hold_until && signs.tap.held_piece == 0;
    return waits ? std::optional(run_.hold_until) : std::nullopt;
}

bool reuse_fsm::wants_hold(bool expendable, const cycle_signs& signs) const {
    return on() && cache_.in_flight() && run_.stops == 0 && !run_.doubted &&
           (signs.limit_reached || (signs.cancelled && !expendable));
}

void reuse_fsm::on_stop_sent(const cycle_signs& signs) {
    run_.stop_while_held = signs.tap.held_piece > 0;
    if (run_.stops == 0) {
        run_.stop_before_piece = signs.tokens != nullptr && signs.tokens->calls() == 0;
    }
}

// One that came in between may be made of a broken step.
void reuse_fsm::on_stopped(bool accepted, const cycle_signs& signs) {
    if (!cache_.in_flight()) {
        return;
    }
    if (run_.stops == 0 && accepted && run_.stop_while_held) {
        run_.held_piece = signs.tap.held_piece;
        run_.made_at_hold = signs.tokens_made;
    }
    ++run_.stops;
}

finished_run reuse_fsm::account(bool context_full, run_report& report, const cycle_signs& signs) const {
    finished_run out;
    if (signs.tokens != nullptr) {
        out.answer = signs.tokens->all();
        out.calls = signs.tokens->calls();
        out.whole = signs.tokens->whole();
        out.piece_after = signs.tokens->made() > run_.made_at_hold;
    }
    const bool stopped_unasked =
        run_.stops == 0 && report.judge(signs.tokens_made) == run_report::ending::stopped;
    const bool failed = report.take_error() || run_.doubted || context_full;
    const auto printed = report.compare(signs.tap.system_tokens, signs.tap.turn_tokens);
    out.as_planned = signs.tapped && signs.tap.encode_answered && !signs.tap.encode_failed && !failed &&
                     !stopped_unasked && signs.tap.strays == run_.strays &&
                     printed != run_report::lengths::wrong && signs.lost == process_epochs::loss::none;
    out.stops = run_.stops;
    out.before_piece = run_.stop_before_piece;
    out.held_piece = run_.held_piece;
    return out;
}

void reuse_fsm::conclude(const chat::rendered_prompt& prompt, std::string_view closing, bool context_full,
                         run_report& report, const cycle_signs& signs) {
    if (signs.tapped && signs.tap.encode_answered && !signs.tap.encode_failed) {
        report.learn_lengths(signs.tap.system_tokens, signs.tap.turn_tokens);
    }
    if (!counted() || !cache_.in_flight()) {
        return;
    }
    const finished_run made = account(context_full, report, signs);
    cache_.conclude(made, signs.sizes);
    spoken_.reset();
    const bool exact =
        run_.said_all && !run_.said.empty() && run_.said.find(replacement) == std::string::npos;
    const bool written = prompt.verbatim || signs.wraps_as_family;  // all that was read is known as text
    if (!cache_.known() || !exact || !written || whole().size() <= ids_with_a_mark) {
        return;
    }
    spoken_text spoken{
        .text = prompt.turns, .system = prompt.system, .wrapped = !prompt.verbatim, .ids = whole()};
    spoken.text += prompt.verbatim ? std::string_view() : closing;
    spoken.text += run_.said;
    const auto given = std::min<std::size_t>(signs.tokens->count(), made.answer.size());
    spoken.ids.insert(spoken.ids.end(), made.answer.begin(),
                      made.answer.begin() + static_cast<std::ptrdiff_t>(given));
    spoken_ = std::move(spoken);
}

// ---- what the cache holds

void reuse_fsm::lose() {
    cache_.forget();
    spoken_.reset();
}

std::size_t reuse_fsm::held_bytes(const chat::rendered_prompt& prompt, std::string_view owner,
                                  const cycle_signs& signs) const {
    const bool begins = spoken_ && prompt.verbatim != spoken_->wrapped && prompt.system == spoken_->system &&
                        prompt.turns.size() > spoken_->text.size() && prompt.turns.starts_with(spoken_->text);
    return begins && cache_.holds_beginning_of(spoken_->ids, signs.sizes, owner, signs.across_owners)
               ? spoken_->system.size() + spoken_->text.size()
               : 0;
}

}  // namespace corral::engine::ax_poll
