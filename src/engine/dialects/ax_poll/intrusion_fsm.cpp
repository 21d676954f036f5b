#include "engine/dialects/ax_poll/intrusion_fsm.hpp"

#include <utility>

#include "engine/dialects/ax_poll/context_policy.hpp"

namespace corral::engine::ax_poll {

void intrusion_fsm::begin_turn() {
    shared_ = false;
    begin_run();
}

void intrusion_fsm::begin_run() {
    expected_ = polled_text{};
    last_ = last_piece{};
    place_ = untold{};
}

// Text that the runtime never got, because it left before the answer, is missing in the polls too.
bool intrusion_fsm::note_reader(const cycle_signs& signs) {
    const bool first = !shared_ && signs.tap.answers_lost == 0;
    shared_ = shared_ || first;
    return first;
}

// ---- the last piece

// A step that a stop breaks off still yields a token, and where that fills a piece it becomes text
// (docs/facts/vendor_ax.md#cache). The runtime then asks for all tokens of the run at once; after any other piece it asks
// for nothing before three more tokens.
bool intrusion_fsm::may_be_last(const witnesses& of) {
    const bool asks = of.signs.final_seen || of.signs.tap.calls_coming > 0;
    return asks && of.signs.tokens_made % tokens_of_a_piece == 0 && of.report.understood() &&
           may_be_stopped(of);
}

std::string intrusion_fsm::pass_last(std::string_view text, const witnesses& of) {
    last_.text += text;
    if (!may_be_last(of)) {
        return take_last();
    }
    last_.made = of.signs.tokens_made;
    last_.until = of.now + report_delay;
    return {};
}

// A connection may bring no call.
std::string intrusion_fsm::release_last(const witnesses& of) {
    const bool waits = of.signs.final_seen || of.now < last_.until;
    if (waits && may_be_last(of) && of.signs.tokens_made == last_.made) {
        return {};
    }
    return take_last();
}

// ---- the prompt's place

// The line comes with the first text, and its reader may be a moment late.
bool intrusion_fsm::place_known(bool behind, const witnesses& of) const {
    const tap_view& tap = of.signs.tap;
    return !(behind && of.report.has_error()) &&
           of.report.compare(tap.system_tokens, tap.turn_tokens) == run_report::lengths::right;
}

std::string intrusion_fsm::pass_place(std::string text, bool behind, const moment& since,
                                      const witnesses& of) {
    if (std::holds_alternative<told>(place_) || !of.report.prints_lengths()) {
        return text;
    }
    if (!place_waits()) {
        place_ = waiting{{}, since};
    }
    std::get<waiting>(place_).text += text;
    return place_known(behind, of) ? open_place() : std::string();
}

std::string intrusion_fsm::open_place() {
    std::string out = std::move(std::get<waiting>(place_).text);
    place_ = told{};
    return out;
}

// ---- the end

bool intrusion_fsm::may_be_stopped(const witnesses& of) {
    constexpr std::uint32_t margin = 16;
    const catalog::context_sizes& sizes = of.signs.sizes;
    return of.signs.tapped && of.usage.exact && known(sizes) && !of.signs.limit_reached &&
           of.signs.tokens_made + margin < most_output_tokens(sizes, of.usage.prompt_tokens);
}

// A run that ends by itself asks for its last tokens, and then for all of them. One that is stopped before its first piece, or
// while it still reads, asks once (docs/facts/vendor_ax.md#cache-length).
bool intrusion_fsm::stopped_before_a_piece(const witnesses& of) const {
    return calls_at_end_ && !of.signs.final_seen && of.signs.tokens_made > 0 &&
           of.signs.tokens_made < tokens_of_a_piece && may_be_stopped(of);
}

// A run that ends by itself leaves no token out of its pieces before its context is used up
// (docs/facts/vendor_ax.md#stop-and-races).
bool intrusion_fsm::stopped(bool cut, const witnesses& of) const {
    const auto ending = of.report.judge(of.signs.tokens_made);
    return may_be_stopped(of) && (cut || stopped_before_a_piece(of) || ending == run_report::ending::stopped);
}

}  // namespace corral::engine::ax_poll
