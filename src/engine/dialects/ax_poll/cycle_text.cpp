// From an accepted prompt to the end of its text: whose text it is, what is counted, and what its end means.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_fsm.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds owed_limit = 120s;  // a tokenizer service starts again in this time
constexpr std::size_t longest_usual_token = 6;  // bytes
constexpr std::uint32_t enough_for_a_text = 8;  // tokens that can't all be parts of one character

bool is_inside_character(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

void cycle_fsm::follow() {
    run_.progress.prompt_accepted = true;
    run_.progress.generate_accepted = now_;
    run_.accepted = moment_of_now();
    run_.last_sign_of_life = run_.accepted;
    polling_.follow(now_);
    state_ = following{follow_fsm(settings_.clocks.idle_grace, now_)};
}

void cycle_fsm::decide(following& in) {
    if (interrupted() || stalled() || place_judged()) {
        return;
    }
    if (signs_.tapped && signs_.tap.foreign_ids) {
        foreign_ids();
        return;
    }
    if (signs_.tapped && signs_.tap.foreign_run) {
        set_failure(chat::failure_kind::runtime_failed, core::say("runtime.foreign-talk/runtime-gave"));
        retry();
        return;
    }
    if (signs_.tapped && signs_.tap.encode_failed) {
        no_prompt_tokens();
        end(run_end::failed);
        return;
    }
    if (signs_.tapped && signs_.tap.run_begun) {
        in.fsm.on_begun(signs_.tap.run_begun_at);
    }
    if (lines_.run_line_missing() && now_ < run_line_due()) {
        ask(act::rest{run_line_due()});
        return;
    }
    if (const std::string text = intrusion_.release_last(witnesses()); !text.empty()) {
        deliver(text);
        return;
    }
    const bool enough = signs_.tapped && signs_.limit_reached;
    if (enough && now_ >= polling_.next_stop()) {
        take_step({polling_fsm::kind::stop, {}});
        return;
    }
    core::steady_time last = run_.what.until.at();
    if (enough) {
        last = std::min(last, polling_.next_stop());
    }
    if (intrusion_.place_waits()) {
        last = std::min(last, place_due());
    }
    if (intrusion_.last_waits() && !signs_.final_seen) {
        last = std::min(last, intrusion_.last_due());
    }
    in.answers_at_poll = signs_.tapped ? signs_.tap.pieces_answered : 0;
    take_step(polling_.to_text(now_, last));
}

// The in-band text of a full context may be queued a moment after `done` (docs/facts/vendor_ax.md#state).
void cycle_fsm::decide(concluding& in) {
    static constexpr std::array<core::nanoseconds, 3> late{5ms, 15ms, 40ms};
    const bool silent = !run_.text_given && !run_.full_text_held;
    const bool decoded = signs_.tapped && signs_.tokens_made > 0;
    if (!silent || decoded || in.late_polls == late.size()) {
        conclude();
        return;
    }
    if (in.next == core::steady_time{}) {
        in.next = now_ + late.at(in.late_polls);
    }
    poll_or_rest(now_ >= in.next, in.next);
}

void cycle_fsm::conclude() {
    if (run_.full_text_held) {
        context_full(run_.progress.usage.exact ? run_.progress.usage.prompt_tokens : 0);
    } else if (signs_.tapped) {
        state_ = owing{};
    } else if (!run_.text_given) {
        run_.restart_pair = true;
        fail_and_restart(core::say("runtime.not-run/runtime-ran"));
    } else {
        end(run_end::stop);
    }
}

// The line that the runtime prints behind a run may be a moment late, and only the last one counts.
void cycle_fsm::decide(owing& in) {
    if (in.report_by == core::steady_time{}) {
        in.report_by = now_ + report_delay;
        note_usage();
    }
    if (place_judged()) {
        return;
    }
    const bool goes_on = !signs_.cancelled && signs_.lost == process_epochs::loss::none;
    if (intrusion_.place_waits() && goes_on) {
        ask(act::rest{place_due()});
        return;
    }
    const bool waits =
        now_ < in.report_by && goes_on && intrusion_fsm::may_be_stopped(witnesses()) && report_.understood();
    if (waits && report_.judge(signs_.tokens_made) != run_report::ending::whole) {
        ask(act::rest{in.report_by});
        return;
    }
    if (intrusion_.last_waits() && !intrusion_.stopped(false, witnesses())) {
        deliver(intrusion_.take_last());
        return;
    }
    ask(act::fetch_owed{core::deadline::after(owed_limit, now_).sooner(run_.what.until)});
}

bool cycle_fsm::runs_something_else() const {
    return signs_.tapped && signs_.tap.pieces_answered > 0 && !signs_.tap.run_begun;
}

// A poll of a run that is followed.
void cycle_fsm::on_followed(following& in, core::steady_time sent, const poll_answer& got) {
    if (!run_.text_given && settings_.keeps_nothing && lines_.encode_failed()) {
        busy_for_ever();
        return;
    }
    if (!run_.text_given && (lines_.encode_failed() || runs_something_else())) {
        // What comes now answers the prompt of an earlier request (docs/facts/vendor_ax.md#failures, F3).
        no_prompt_tokens();
        retry();
        return;
    }
    const poll_text text = take_text(got);
    if (text == poll_text::foreign) {
        set_failure(chat::failure_kind::runtime_failed, core::say("runtime.foreign-talk/runtime-gave"));
        retry();
        return;
    }
    const bool ours = text == poll_text::ours;
    if (ours) {
        in.pieces_seen = std::max(in.pieces_seen, in.answers_at_poll);
    }
    polling_.on_polled(sent, now_, ours, got.done);
    if (signs_.tapped && signs_.tap.run_begun) {
        in.fsm.on_begun(signs_.tap.run_begun_at);
    }
    const follow_verdict verdict = in.fsm.on_poll(sent, got.done, ours);
    const std::optional<std::uint32_t>& most = run_.what.max_tokens;
    if (!signs_.tapped && most && run_.progress.usage.generated_tokens >= *most) {
        end(run_end::length);
    } else if (verdict == follow_verdict::swallowed) {
        set_failure(chat::failure_kind::runtime_failed, core::say("runtime.not-run/runtime-accepted"));
        retry();
    } else if (verdict == follow_verdict::ended) {
        run_.ended_by_itself = true;
        state_ = concluding{};
    }
}

cycle_fsm::poll_text cycle_fsm::take_text(const poll_answer& got) {
    if (got.text.empty()) {
        return poll_text::none;
    }
    const bool looks_full = !run_.text_given && !run_.full_text_held && got.text == context_full_text;
    if (signs_.tapped && signs_.tap.pieces_answered == 0 && !looks_full) {
        // No token of this run was turned into text yet.
        tell(act::note::level::warn, core::say("runtime.protocol/foreign-text", got.text.size()));
        return poll_text::none;
    }
    if (looks_full && (!signs_.tapped || signs_.tap.pieces_answered == 0)) {
        run_.full_text_held = true;
        return poll_text::ours;
    }
    std::string text = got.text;
    if (run_.full_text_held) {
        run_.full_text_held = false;  // the model wrote these words
        text.insert(0, context_full_text);
    }
    bool ours = true;
    if (!signs_.tapped) {
        cut_to_limit(text);
    } else {
        polled_text::poll_verdict verdict = intrusion_.on_poll(text);
        if (verdict.gap || !verdict.ours) {
            note_shared();
        }
        ours = verdict.ours;
        text = std::move(verdict.text);
    }
    note_usage();
    deliver(intrusion_.pass_last(text, witnesses()));
    return ours ? poll_text::ours : poll_text::foreign;
}

// The server keeps no limit, and a late poll brings far more than was asked for. A word that crosses it is kept whole.
void cycle_fsm::cut_to_limit(std::string& text) const {
    if (!run_.what.max_tokens) {
        return;
    }
    const std::size_t most = *run_.what.max_tokens * longest_usual_token;
    std::size_t end = most - std::min(most, run_.text_bytes);
    while (end < text.size() && (core::is_letter(text[end]) || is_inside_character(text[end]))) {
        ++end;
    }
    text.resize(std::min(end, text.size()));
}

void cycle_fsm::note_shared() {
    reuse_.doubt();
    if (intrusion_.note_reader(signs_)) {
        ask(act::report_intrusion{act::report_intrusion::kind::poll});
    }
}

void cycle_fsm::tell_foreign_stop() {
    ask(act::report_intrusion{act::report_intrusion::kind::stop});
    set_failure(chat::failure_kind::runtime_failed, core::say("runtime.foreign-talk/runtime-ended"));
    if (run_.text_given) {
        end(run_end::failed);
        return;
    }
    run_.ended_by_itself = false;  // the next try has not
    retry();
}

void cycle_fsm::deliver(const std::string& text) {
    if (text.empty() || signs_.cancelled) {
        return;
    }
    std::string out = text;
    if (reuse_.on()) {
        out = intrusion_.pass_place(std::move(out), reuse_.goes_on(), moment_of_now(), witnesses());
    }
    if (!out.empty()) {
        give(std::move(out));
    }
}

void cycle_fsm::give(std::string text) {
    reuse_.on_given(text);
    if (!run_.text_given) {
        run_.progress.first_text = now_;
        const prompt_size size = size_of_turns();
        run_.pace = {};  // reading tells little of writing
        learned_.prefill.observe(size, silence_since(run_.accepted));
    } else {
        const core::nanoseconds gap = silence_since(run_.last_sign_of_life);
        run_.pace.note(gap, learned_.decode.limit());
        learned_.decode.observe(gap);
    }
    run_.last_sign_of_life = moment_of_now();
    run_.text_given = true;
    lines_.end();
    ++run_.polls_with_text;
    run_.text_bytes += text.size();
    note_usage();
    ask(act::deliver{std::move(text)});
}

void cycle_fsm::note_usage() {
    chat::token_usage& usage = run_.progress.usage;
    if (signs_.tapped && run_.progress.prompt_accepted && signs_.tap.encode_answered) {
        usage.prompt_tokens = signs_.tap.system_tokens + signs_.tap.turn_tokens;
        // The tokenizer is asked before the next poll has the text.
        const bool goes_on = std::holds_alternative<following>(state_);
        usage.generated_tokens =
            std::max(usage.generated_tokens, goes_on ? intrusion_.polled_tokens() : signs_.tokens_wanted);
        usage.exact = true;
        // The runtime waits for each call of its tokenizer, so they are parts of what passed.
        run_.progress.stages.tokenise = signs_.tap.encode_took;
        if (signs_.tap.pieces_answered > 0) {
            run_.progress.stages.detokenise = signs_.tap.decode_took;
        }
        return;
    }
    if (usage.exact) {
        return;
    }
    usage.prompt_tokens = token_estimate(run_.what.prompt.system) + token_estimate(run_.what.prompt.turns);
    // A late poll brings many pieces at once, and a token is seldom longer than this.
    const auto in_text = static_cast<std::uint32_t>(std::min<std::size_t>(
        run_.text_bytes / longest_usual_token, std::numeric_limits<std::uint32_t>::max()));
    usage.generated_tokens =
        std::max({usage.generated_tokens, run_.polls_with_text * tokens_of_a_piece, in_text});
    if (run_.what.max_tokens) {
        usage.generated_tokens = std::min(usage.generated_tokens, *run_.what.max_tokens);
    }
}

void cycle_fsm::on_owed(const core::result<std::string>& text, bool cut, core::steady_time now) {
    now_ = now;
    if (!answers<act::fetch_owed>()) {
        return;
    }
    if (signs_.cancelled) {
        end(run_end::cancelled);
        return;
    }
    if (!text) {
        fail(chat::failure_kind::unavailable,
             core::say("request.tokenizer-died/found", text.error().message));
        return;
    }
    const std::string missed = intrusion_.take_rest();
    note_usage();
    if (intrusion_.stopped(cut, witnesses())) {
        tell_foreign_stop();  // the last token of a run that is stopped means nothing, and is in what is left
        return;
    }
    if (!missed.empty()) {
        note_shared();
    }
    deliver(intrusion_.take_last() + missed + *text);
    if (intrusion_.place_waits()) {
        cache_differs();
        return;
    }
    report_.learn(signs_.tokens_made);
    intrusion_.learn_end(signs_.final_seen);
    const std::uint32_t made = signs_.tokens_made;
    if (made == 0 || (!run_.text_given && made >= enough_for_a_text)) {
        run_.restart_pair = true;
        fail_and_restart(core::say("runtime.not-run/runtime-ran"));
        return;
    }
    const catalog::context_sizes& sizes = signs_.sizes;
    note_usage();
    const bool used_up = known(sizes) && made >= most_output_tokens(sizes, run_.progress.usage.prompt_tokens);
    end(signs_.limit_reached || cut || used_up ? run_end::length : run_end::stop);
}

// ---- where the prompt stood

bool cycle_fsm::place_judged() {
    if (!intrusion_.place_waits() || signs_.cancelled) {
        return false;
    }
    if (intrusion_.place_known(reuse_.goes_on(), witnesses())) {
        give(intrusion_.open_place());
        return true;
    }
    if (now_ < place_due()) {
        return false;
    }
    cache_differs();
    return true;
}

// A starved box reads the line as late as it does everything else.
core::steady_time cycle_fsm::place_due() const {
    return now_ + lengths_delay -
           std::min<core::nanoseconds>(silence_since(intrusion_.place_waits_since()), lengths_delay);
}

void cycle_fsm::cache_differs() {
    const bool is_unknown =
        !report_.has_error() &&
        report_.compare(signs_.tap.system_tokens, signs_.tap.turn_tokens) == run_report::lengths::unknown;
    reuse_.forget();
    intrusion_.drop_place();
    if (is_unknown) {
        set_failure(chat::failure_kind::runtime_failed, core::say("runtime.cache-untold/runtime-said"));
    } else {
        ask(act::report_intrusion{act::report_intrusion::kind::cache});
        set_failure(chat::failure_kind::runtime_failed, core::say("runtime.cache-foreign/runtime-read"));
    }
    retry();
}

}  // namespace corral::engine::ax_poll
