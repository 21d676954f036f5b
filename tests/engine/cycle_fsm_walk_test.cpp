// Random walks of the polled cycle. More steps: CORRAL_WALK_STEPS=1000000.

#include <cstdlib>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "walked_server.hpp"

namespace corral::engine::ax_poll {
namespace {

using core::nanoseconds;
using core::seconds;
using std::chrono::microseconds;

constexpr int turns_of_a_walk = 12;
constexpr int most_steps_of_a_turn = 20'000;

cycle_settings settings_of(bool keeps_nothing) {
    cycle_settings out;
    out.clocks.idle_grace = milliseconds{800};
    out.clocks.scrub = seconds{8};
    out.keeps_nothing = keeps_nothing;
    return out;
}

class walk {
public:
    explicit walk(std::uint64_t seed)
        : random_(seed),
          tapped_(seed % 4 != 0),
          keeps_nothing_(seed % 8 == 4),
          clocks_(settings_of(keeps_nothing_).clocks),
          fsm_(settings_of(keeps_nothing_), clocks_, now_),
          server_(random_, tapped_, keeps_nothing_) {}

    // What is wrong, empty when nothing is.
    std::string go() {
        for (int i = 0; i < turns_of_a_walk && wrong_.empty(); ++i) {
            turn();
        }
        return wrong_;
    }
    [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }
    [[nodiscard]] std::size_t steps() const { return steps_; }
    [[nodiscard]] std::size_t answers() const { return answers_; }

private:
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
        owner_ = owner_ == 'z' ? 'a' : static_cast<char>(owner_ + 1);
        ends_ = 0;
        replaced_ = false;
        loss_seen_ = false;
        lost_at_.reset();
        cancelled_ = false;
        cancel_at_ = is_run_ && chance(350) ? now_ + milliseconds{random_() % 700} : steady_time::max();
        max_tokens_.reset();
        until_ = core::deadline::after(std::chrono::minutes{20}, now_);
        if (is_run_) {
            begin_run();
        } else {
            until_ = core::deadline::after(seconds{8}, now_);
            fsm_.begin_rest(until_, now_);
        }
        trace_.push_back(std::string("turn ") + owner_ + (is_run_ ? " (run)" : " (to rest)"));
        const steady_time began = now_;
        over_ = false;
        for (int i = 0; i < most_steps_of_a_turn && !over_ && wrong_.empty(); ++i) {
            ++steps_;
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

    // ---- the world's signs

    void see() {
        cycle_signs signs;
        signs.cancelled = cancelled_;
        signs.tapped = tapped_;
        if (replaced_ || (lost_at_ && now_ >= *lost_at_)) {
            signs.lost = process_epochs::loss::runtime;
            signs.loss_text = "The runtime ended.";
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
                fsm_.on_tap_text(std::exchange(server_.answered, {}), false);
                fsm_.on_tap_event(now_);
                rung = true;
            }
            if (!tapped_ || chance(500)) {
                see();
                rung = fsm_.on_output("words", now_) || rung;
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
            fsm_.on_owed(std::string(), false, now_);
        } else if (const auto* const mend = std::get_if<act::mend_tap>(&what)) {
            bounded("a mended tap", mend->until);
            pass(now_ + milliseconds{random_() % 5}, false);
            fsm_.on_mended(now_);
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
            return core::make_failure(core::errc::protocol, "cut");
        }
        if (chance(2)) {
            return core::make_failure(core::errc::timed_out, "silent");
        }
        return std::nullopt;
    }
    void answered(const std::optional<core::failure>& why) {
        const bool silent = why && why->code == core::make_error_code(core::errc::timed_out);
        pass(now_ + (silent ? clocks_.call.limit() : length_of_a_call() / 2), false);
        see();
    }

    void poll() {
        const steady_time sent = now_;
        const auto why = trouble();
        core::result<poll_answer> got = poll_answer{};
        if (server_.alive) {
            got = poll_answer{!server_.busy(), server_.take_text()};
        }
        trace_.push_back(std::string("  poll: ") +
                         (why ? why->message : (got->done ? "done '" : "runs '") + got->text + "'"));
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
        if (server_.alive && !chance(100)) {
            server_.stop();
        }
        core::result<control_reply> got = control_reply{control_verdict::accepted, 200};
        if (why) {
            got = *why;
        }
        answered(why);
        fsm_.on_stopped(got, now_);
    }
    [[nodiscard]] core::result<control_reply> put(bool is_reset) {
        const auto why = trouble();
        const bool busy = server_.busy() || chance(20);
        // A call whose answer is lost may have been taken.
        if (server_.alive && !busy && (!why || chance(500))) {
            server_.accept(is_reset, owner_, now_);
        }
        trace_.push_back(std::string(is_reset ? "  reset: " : "  generate: ") + (why    ? why->message
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
        server_.begin_reset();
        const auto got = put(true);
        fsm_.on_reset(got, now_);
    }
    // The promise of statelessness.
    void generate() {
        const bool empty = keeps_nothing_ || server_.context() == std::string(1, owner_);
        if (server_.alive && (server_.at_work() || !server_.text().empty() || !empty)) {
            fault(std::string("the prompt of ") + owner_ +
                  " enters a server that is not reset for it and at rest");
        }
        if (!keeps_nothing_ && fsm_.progress().reset_confirmed == steady_time{}) {
            fault("a prompt without a confirmed reset");
        }
        server_.begin_run();
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
        cancelled_ = cancelled_ || chance(30);  // in on_text()
    }
    void tell_end(const run_outcome& end) {
        trace_.push_back("  end: " +
                         (end.failure ? end.failure->cause : std::to_string(static_cast<int>(end.end))));
        ++ends_;
        answers_ += end.end == run_end::stop ? 1U : 0U;
        if ((end.end == run_end::failed) != end.failure.has_value()) {
            fault("an end that is failed without a failure, or not failed with one");
        }
        if (end.end == run_end::cancelled && !cancelled_) {
            fault("cancelled by nobody");
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
    steady_time now_{seconds{1000}};
    cycle_clocks clocks_;
    cycle_fsm fsm_;
    walked_server server_;
    std::vector<std::string> trace_;
    std::string wrong_;
    std::size_t steps_ = 0;
    std::size_t answers_ = 0;
    // Of the turn.
    bool is_run_ = true;
    char owner_ = 'z';
    int ends_ = 0;
    bool over_ = false;
    bool replaced_ = false;
    bool loss_seen_ = false;
    std::optional<steady_time> lost_at_;
    bool cancelled_ = false;
    steady_time cancel_at_{};
    core::deadline until_;
    std::optional<std::uint32_t> max_tokens_;
};

TEST(cycle_fsm_walk, the_promises_hold_in_any_order_of_events) {
    const char* const wanted = std::getenv("CORRAL_WALK_STEPS");
    const std::size_t most = wanted == nullptr ? 60'000 : std::stoul(wanted);
    std::size_t steps = 0;
    std::size_t answers = 0;
    std::size_t failures = 0;
    std::vector<std::string> shortest;
    std::string rule;
    for (std::uint64_t seed = 1; steps < most; ++seed) {
        walk one(seed);
        const std::string wrong = one.go();
        steps += one.steps();
        answers += one.answers();
        if (wrong.empty()) {
            continue;
        }
        ++failures;
        if (shortest.empty() || one.trace().size() < shortest.size()) {
            shortest = one.trace();
            rule = "seed " + std::to_string(seed) + ": " + wrong;
        }
    }
    std::string told;
    for (const std::string& line : shortest) {
        told += "\n" + line;
    }
    EXPECT_EQ(failures, 0U) << rule << told;
    EXPECT_GT(answers, steps / 500) << "the walks never got far";
}

}  // namespace
}  // namespace corral::engine::ax_poll
