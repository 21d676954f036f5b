#pragma once
// One random walk of the polled cycle over a small server with the faults of the real one: turns of many owners, with
// what clients, the network and other programs may do between any two steps. What is wrong is a sentence.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "walked_server.hpp"
#include "walked_talks.hpp"

namespace corral::engine::ax_poll {

using core::nanoseconds;
using core::seconds;
using std::chrono::microseconds;

class walked_cycle {
public:
    explicit walked_cycle(std::uint64_t seed)
        : random_(seed),
          tapped_(seed % 4 != 0),
          keeps_nothing_(seed % 8 == 4),
          reuses_(seed % 4 >= 2),
          clocks_(settings_of_a_walk(keeps_nothing_, reuses_).clocks),
          fsm_(settings_of_a_walk(keeps_nothing_, reuses_), clocks_, now_),
          server_(random_, tapped_, keeps_nothing_),
          talks_(random_) {
        if (reuses_) {
            server_.cache.use(seed % 8 < 4);
            server_.wants_hold = [this] {
                see();
                return fsm_.wants_hold();
            };
        }
    }

    // What is wrong, empty when nothing is.
    std::string go() {
        for (int i = 0; i < (reuses_ ? turns_with_a_cache : turns_of_a_walk) && wrong_.empty(); ++i) {
            turn();
        }
        return wrong_;
    }
    [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }
    struct counts {
        std::size_t steps = 0;
        std::size_t answers = 0;
        std::size_t continued = 0;     // prompts behind the cache
        std::size_t contradicted = 0;  // ... by what the runtime printed
        std::size_t ahead = 0;         // beginnings that were computed before anybody asked
        std::size_t ahead_hits = 0;    // prompts behind these
    };
    [[nodiscard]] const counts& seen() const { return seen_; }

private:
    static constexpr int turns_of_a_walk = 12;
    static constexpr int turns_with_a_cache = 30;
    static constexpr int most_steps_of_a_turn = 20'000;

    [[nodiscard]] bool chance(unsigned permille) { return random_() % 1000 < permille; }
    void fault(const std::string& what) {
        if (wrong_.empty()) {
            wrong_ = what + "; the server: " + server_.described();
        }
    }

    // ---- one turn

    void turn() {
        if (!server_.alive) {
            replace();
        }
        now_ += milliseconds{random_() % 50};
        if (chance(100)) {
            server_.leave(owner_);
        }
        is_run_ = !chance(120);
        is_ahead_ = reuses_ && is_run_ && chance(150);
        owner_ = owner_ == 'z' ? 'a' : static_cast<char>(owner_ + 1);
        ends_ = 0;
        replaced_ = false;
        loss_seen_ = false;
        resets_ = false;
        lost_at_.reset();
        cancelled_ = false;
        cancel_at_ = is_run_ && chance(350) ? now_ + milliseconds{random_() % 700} : steady_time::max();
        max_tokens_.reset();
        delivered_.clear();
        until_ = core::deadline::after(std::chrono::minutes{20}, now_);
        if (is_ahead_) {
            begin_ahead();
        } else if (is_run_) {
            begin_run();
        } else {
            until_ = core::deadline::after(seconds{8}, now_);
            fsm_.begin_rest(until_, now_);
        }
        trace_.push_back(std::string("turn ") + owner_ + (is_run_ ? " (run)" : " (to rest)"));
        const steady_time began = now_;
        over_ = false;
        for (int i = 0; i < most_steps_of_a_turn && !over_ && wrong_.empty(); ++i) {
            ++seen_.steps;
            see();
            perform(fsm_.next(now_));
        }
        if (wrong_.empty() && !over_) {
            fault("the turn has no end");
        }
        if (wrong_.empty() && now_ - began > std::chrono::minutes{15}) {
            fault("the turn took longer than all its clocks");
        }
        if (wrong_.empty() && ends_ != (is_run_ ? 1 : 0)) {
            fault(std::to_string(ends_) + " ends were told");
        }
    }
    void begin_run() {
        run_spec spec;
        spec.prompt.system = "Be brief.";
        spec.prompt.turns = "Hi";
        if (reuses_) {
            talks_.ask(spec, server_.cache);
            reuse_on_ = !chance(60);
            text_is_whole_ = !chance(50);
        }
        if (chance(50)) {
            until_ = core::deadline::after(milliseconds{random_() % 900}, now_);
        }
        spec.until = until_;
        if (chance(200)) {
            max_tokens_ = 1 + static_cast<std::uint32_t>(random_() % 20);
            spec.max_tokens = max_tokens_;
        }
        fsm_.begin(std::move(spec), !chance(50), now_);
    }

    // Of what was asked last, of whomever: a guess may be wrong.
    void begin_ahead() {
        token_ids ids = talks_.ids();
        ids.resize(std::min<std::size_t>(ids.size(), random_() % 97));
        while (ids.size() < 2) {
            ids.push_back(server_.cache.fresh_id());
        }
        fsm_.begin_ahead(std::move(ids), chance(800) ? "ann" : "bob", until_, now_);
        ++seen_.ahead;
    }

    // ---- the world's signs

    void see() {
        cycle_signs signs;
        signs.cancelled = cancelled_;
        signs.tapped = tapped_;
        if (replaced_ || (lost_at_ && now_ >= *lost_at_)) {
            signs.lost = process_epochs::loss::runtime;
            signs.loss_text = core::reason::unlisted("The runtime ended.");
            loss_seen_ = true;
        }
        if (tapped_) {
            signs.tap = server_.tap;
            signs.tokens_made = server_.tokens_made;
            signs.limit_reached = max_tokens_ && server_.tokens_made >= *max_tokens_;
            signs.tokens_wanted =
                max_tokens_ ? std::min(*max_tokens_, server_.tokens_made) : server_.tokens_made;
            signs.final_seen = server_.final_seen;
        }
        if (reuses_) {
            server_.cache.show(signs);
            signs.reuses = reuse_on_;
            signs.text_is_whole = text_is_whole_;
        }
        fsm_.see(std::move(signs));
    }
    // To `until`, or with `wakes` to the first sign on the way.
    void pass(steady_time until, bool wakes) {
        bool rung = false;
        while (!(rung && wakes)) {
            std::optional<steady_time> at = server_.next(until);
            const bool cancels = !cancelled_ && cancel_at_ <= until && (!at || cancel_at_ <= *at);
            if (cancels) {
                now_ = std::max(now_, cancel_at_);
                cancelled_ = rung = true;
                continue;
            }
            if (lost_at_ && *lost_at_ > now_ && *lost_at_ <= until && !at) {
                now_ = *lost_at_;
                rung = true;
                continue;
            }
            if (!at) {
                now_ = std::max(now_, until);
                return;
            }
            now_ = std::max(now_, *at);
            if (server_.happen(now_)) {
                see();
                server_.tell_answers(fsm_);
                fsm_.on_tap_event(now_);
                rung = true;
            }
            if (server_.cache.by_mistake()) {
                fault("a prompt is read behind other rows than it has");
            }
            if (!tapped_ || chance(reuses_ ? 800 : 500)) {
                see();
                const std::string words = reuses_ ? std::exchange(server_.cache.output, {}) : "words";
                rung = fsm_.on_output(words, now_) || rung;
            }
        }
    }
    void replace() {
        server_.replace();
        fsm_.on_new_process(now_);
    }
    void maybe_die() {
        if (server_.alive && chance(4)) {
            trace_.emplace_back("  the runtime dies");
            server_.alive = false;
            lost_at_ = now_ + milliseconds{random_() % 1500};
        }
    }

    // ---- what the machine asks for

    void perform(const cycle_action& what) {
        if (std::holds_alternative<act::poll>(what)) {
            poll();
        } else if (const auto* const pause = std::get_if<act::rest>(&what)) {
            rest(pause->until);
        } else if (std::holds_alternative<act::stop>(what)) {
            stop();
        } else if (std::holds_alternative<act::reset>(what)) {
            reset();
        } else if (std::holds_alternative<act::generate>(what)) {
            generate();
        } else if (const auto* const piece = std::get_if<act::deliver>(&what)) {
            deliver(piece->text);
        } else if (const auto* const end = std::get_if<act::tell_end>(&what)) {
            tell_end(end->outcome);
        } else if (const auto* const owed = std::get_if<act::fetch_owed>(&what)) {
            bounded("owed text", owed->until);
            pass(now_ + milliseconds{random_() % 30}, false);
            see();
            const token_ledger& tokens = server_.cache.tokens;
            const bool cut = reuses_ && !tokens.limit_reached() && !tokens.tail().empty();
            const char of = server_.cache.broken() ? '#' : owner_;
            fsm_.on_owed(cut ? std::string(1, of) : std::string(), cut, now_);
        } else if (const auto* const asked = std::get_if<act::encode>(&what)) {
            bounded("an encoded prompt", asked->until);
            encode(asked->composes);
        } else if (const auto* const seen = std::get_if<act::report_intrusion>(&what)) {
            seen_.contradicted += seen->how == act::report_intrusion::kind::cache ? 1U : 0U;
        } else if (const auto* const repair = std::get_if<act::repair_tap>(&what)) {
            bounded("a repaired tap", repair->until);
            pass(now_ + milliseconds{random_() % 5}, false);
            fsm_.on_repaired(now_);
        } else if (const auto* const doubt = std::get_if<act::examine_tokenizer>(&what)) {
            bounded("an examined tokenizer", doubt->until);
            fsm_.on_examined(now_);
        } else if (std::holds_alternative<act::restart>(what)) {
            trace_.emplace_back("  restart");
            replaced_ = true;
            replace();
        } else if (const auto* const last = std::get_if<act::finish>(&what)) {
            finish(last->idle);
        }
    }
    void bounded(const char* what, core::deadline until) {
        if (!until.reachable() || until.at() > now_ + std::chrono::minutes{5}) {
            fault(std::string("waits without a bound for ") + what);
        }
    }
    [[nodiscard]] nanoseconds length_of_a_call() {
        return chance(30) ? nanoseconds{milliseconds{random_() % 40}}
                          : nanoseconds{microseconds{200 + random_() % 600}};
    }
    // How a call goes: nothing where it is answered.
    [[nodiscard]] std::optional<core::failure> trouble() {
        maybe_die();
        pass(now_ + length_of_a_call() / 2, false);
        if (!server_.alive || chance(4)) {
            return core::make_failure(core::errc::protocol, core::reason::unlisted("cut"));
        }
        if (chance(2)) {
            return core::make_failure(core::errc::timed_out, core::reason::unlisted("silent"));
        }
        return std::nullopt;
    }
    void answered(const std::optional<core::failure>& why) {
        const bool silent = why && why->code == core::make_error_code(core::errc::timed_out);
        pass(now_ + (silent ? clocks_.call.limit() : length_of_a_call() / 2), false);
        see();
    }

    void encode(bool composes) {
        pass(now_ + milliseconds{random_() % 20}, false);
        see();
        if (composes && !(fsm_.spoken() && begins_with(talks_.ids(), fsm_.spoken()->ids))) {
            fault("a prompt is to be composed of other ids than its own");
        }
        core::result<token_ids> ids = talks_.ids();
        if (chance(10)) {
            ids = core::make_failure(core::errc::unavailable, core::reason::unlisted("away"));
        }
        fsm_.on_encoded(std::move(ids), now_);
    }
    void poll() {
        const steady_time sent = now_;
        const auto why = trouble();
        core::result<poll_answer> got = poll_answer{};
        if (server_.alive) {
            got = poll_answer{!server_.busy(), server_.take_text()};
        }
        trace_.push_back(std::string("  poll: ") +
                         (why ? why->message.text() : (got->done ? "done '" : "runs '") + got->text + "'"));
        if (why) {
            got = *why;
        }
        answered(why);
        fsm_.on_polled(sent, got, now_);
    }
    void rest(steady_time until) {
        if (until > now_ + seconds{10}) {
            fault("rests without a bound");
        }
        pass(std::max(until, now_ + microseconds{50}), true);
        see();
        fsm_.on_rested(now_);
    }
    void stop() {
        const auto why = trouble();
        trace_.push_back(std::string("  stop") + (why ? ": " + why->message : ""));
        const bool held = server_.cache.holds();  // such a stop can't be lost
        if (server_.alive && (held || !chance(100))) {
            server_.stop();
        }
        core::result<control_reply> got = control_reply{control_verdict::accepted, 200};
        if (why) {
            got = *why;
        }
        answered(why);
        fsm_.on_stopped(got, now_);
        server_.let_go(now_);
    }
    [[nodiscard]] core::result<control_reply> put(bool is_reset) {
        const auto why = trouble();
        const bool busy = server_.busy() || chance(20);
        // A call whose answer is lost may have been taken.
        if (server_.alive && !busy && (!why || chance(500))) {
            server_.accept(is_reset, owner_, fsm_.ids() ? fsm_.ids()->mark : std::string(), now_);
        }
        trace_.push_back(std::string(is_reset ? "  reset: " : "  generate: ") + (why    ? why->message.text()
                                                                                 : busy ? "busy"
                                                                                        : "accepted"));
        core::result<control_reply> got =
            control_reply{busy ? control_verdict::busy : control_verdict::accepted, busy ? 400U : 200U};
        if (why) {
            got = *why;
        }
        answered(why);
        return got;
    }
    void reset() {
        server_.begin_reset(fsm_.ids());
        const auto got = put(true);
        resets_ = resets_ || (got && got->verdict == control_verdict::accepted && server_.at_work());
        fsm_.on_reset(got, now_);
    }
    // The promise of statelessness.
    void generate() {
        const bool empty = keeps_nothing_ || reuses_ || server_.context() == std::string(1, owner_);
        if (server_.alive && (server_.at_work() || !server_.text().empty() || !empty)) {
            fault(std::string("the prompt of ") + owner_ +
                  " enters a server that is not reset for it and at rest");
        }
        if (!keeps_nothing_ && fsm_.progress().reset_confirmed == steady_time{}) {
            fault("a prompt without a confirmed reset");
        }
        if (reuses_ && fsm_.ids() && !fsm_.ids()->held.empty()) {
            ++seen_.continued;
            seen_.ahead_hits += fsm_.progress().start == "ahead" ? 1U : 0U;
            server_.go_on(*fsm_.ids());
        }
        server_.begin_run(max_tokens_);
        const auto got = put(false);
        fsm_.on_generated(got, now_);
    }
    void deliver(const std::string& text) {
        trace_.push_back("  deliver '" + text + "'");
        if (ends_ > 0 || cancelled_) {
            fault("text after the end, or after it was not wanted any more");
        }
        if (text.find_first_not_of(owner_) != std::string::npos) {
            fault(std::string("text of somebody else for ") + owner_);
        }
        if (server_.cache.wrong()) {
            fault("text of a run that read other rows than its prompt has");
        }
        delivered_ += text;
        cancelled_ = cancelled_ || chance(30);  // in on_text()
    }
    void tell_end(const run_outcome& end) {
        trace_.push_back("  end: " +
                         (end.failure ? name_of(*end.failure) : std::to_string(static_cast<int>(end.end))));
        ++ends_;
        seen_.answers += end.end == run_end::stop && !is_ahead_ ? 1U : 0U;
        if (reuses_ && !is_ahead_) {
            talks_.ended(end.end, delivered_, server_.cache.tokens);
        }
        if ((end.end == run_end::failed) != end.failure.has_value()) {
            fault("an end that is failed without a failure, or not failed with one");
        }
        if (end.end == run_end::cancelled && !cancelled_ && !(is_ahead_ && !reuse_on_)) {
            fault("cancelled by nobody");
        }
        if (end.end == run_end::cancelled && is_ahead_ && resets_) {
            fault("a reset that can't be interrupted was told as given up, whatever became of it");
        }
    }
    void finish(bool idle) {
        trace_.emplace_back(idle ? "  finish, idle" : "  finish");
        over_ = true;
        // Text that showed late, of an earlier turn, is for the next one to drain.
        if (idle && server_.alive &&
            (server_.at_work() || server_.text().find(owner_) != std::string::npos)) {
            fault("the runtime was left at work or with text of the turn");
        }
        const bool handed_over = replaced_ || loss_seen_ || (!is_run_ && until_.passed(now_));
        if (!idle && !handed_over) {
            fault("neither idle nor handed to a restart");
        }
        // What the supervisor does: nobody borrows a runtime that is not known to be idle.
        if (!idle && !replaced_) {
            replace();
        }
    }

    std::mt19937_64 random_;
    bool tapped_;
    bool keeps_nothing_;
    bool reuses_;
    steady_time now_{seconds{1000}};
    cycle_clocks clocks_;
    cycle_fsm fsm_;
    walked_server server_;
    walked_talks talks_;
    std::vector<std::string> trace_;
    std::string wrong_;
    counts seen_;
    // Of the turn.
    bool is_ahead_ = false;
    bool is_run_ = true;
    char owner_ = 'z';
    int ends_ = 0;
    bool over_ = false;
    bool replaced_ = false;
    bool loss_seen_ = false;
    bool resets_ = false;  // it took one
    std::optional<steady_time> lost_at_;
    bool cancelled_ = false;
    steady_time cancel_at_{};
    core::deadline until_;
    std::optional<std::uint32_t> max_tokens_;
    bool reuse_on_ = true;
    bool text_is_whole_ = true;
    std::string delivered_;
};

}  // namespace corral::engine::ax_poll
