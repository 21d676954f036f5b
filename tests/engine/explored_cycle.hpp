#pragma once
// Turns of the polled cycle over explored_server.hpp, with all that clients, calls and the runtime may do at
// each step.

#include <chrono>
#include <cstddef>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "explored_server.hpp"

namespace corral::engine::ax_poll {

using core::milliseconds;
using core::steady_time;

// `endless`: tapped, and the first answer ends with a stop only.
enum class explored_mode { tapped, untapped, keeps_nothing, endless };

inline cycle_settings settings_of_exploration(explored_mode how) {
    cycle_settings out;
    out.clocks.idle_grace = milliseconds{800};
    out.clocks.scrub = core::seconds{8};
    out.keeps_nothing = how == explored_mode::keeps_nothing;
    return out;
}

class explored_cycle {
public:
    // The first six answer what the machine waits for; `cut` before the call arrives, `unheard` behind that.
    enum class step {
        well,
        cut,
        unheard,
        silent,
        busy,
        dropped,
        tick,
        die,
        notice,
        cancel,
        next_turn,
        stray
    };
    static constexpr bool merges = false;  // the machine shows too little of itself

    explicit explored_cycle(explored_mode how)
        : how_(how),
          clocks_(settings_of_exploration(how).clocks),
          scratch_(std::make_shared<cycle_clocks>(clocks_)),
          fsm_(settings_of_exploration(how), *scratch_, now_) {
        server_.endless = how_ == explored_mode::endless;
        begin();
        go_on();
    }

    [[nodiscard]] std::vector<step> possible() const {
        if (over_) {
            return turn_ < 'c' ? std::vector{step::next_turn, step::stray} : std::vector<step>();
        }
        std::vector<step> all;
        if (!must_move()) {
            all.push_back(step::well);
        }
        const bool starts_work = asks<act::reset>() || asks<act::generate>();
        if (starts_work || asks<act::poll>() || asks<act::stop>()) {
            all.insert(all.end(), {step::cut, step::unheard, step::silent});
        }
        if (starts_work) {
            all.insert(all.end(), {step::busy, step::dropped});
        }
        if (server_.at_work()) {
            all.push_back(step::tick);
        }
        if (server_.alive) {
            all.push_back(step::die);
        } else if (!lost_) {
            all.push_back(step::notice);
        }
        if (!cancelled_) {
            all.push_back(step::cancel);
        }
        return all;
    }
    std::string happen(const step& what) {
        *scratch_ = clocks_;
        healthy_ = healthy_ && (what == step::well || what == step::tick || what == step::cancel ||
                                what == step::next_turn || what == step::stray);
        switch (what) {
            case step::tick:
                move();
                break;
            case step::die:
                server_.alive = false;
                break;
            case step::notice:
                lost_ = true;
                woken();
                break;
            case step::cancel:
                cancelled_ = true;
                woken();
                break;
            case step::stray:
                server_.leave(turn_);
                [[fallthrough]];
            case step::next_turn:
                ++turn_;
                begin();
                go_on();
                break;
            default:
                answer(what);
        }
        clocks_ = *scratch_;
        return wrong_;
    }
    // Without further trouble the turn ends, and the one after it is answered whole.
    [[nodiscard]] std::string comes_to_rest() const {
        explored_cycle well = *this;
        std::string wrong = well.end_turn();
        if (wrong.empty()) {
            wrong = well.happen(step::next_turn);
        }
        if (wrong.empty()) {
            wrong = well.end_turn();
        }
        return wrong.empty() && well.how_it_ended_ != run_end::stop ? "the next turn is not answered" : wrong;
    }
    [[nodiscard]] static std::string seen() { return {}; }
    static std::string told(const step& what) {
        constexpr const char* names[] = {"well", "cut", "unheard", "silent", "busy",      "dropped",
                                         "tick", "die", "notice",  "cancel", "next turn", "stray"};
        return names[static_cast<int>(what)];
    }
    [[nodiscard]] bool over() const { return over_; }
    // What is done where nothing goes wrong.
    [[nodiscard]] step natural() const {
        if (server_.endless && !cancelled_ && delivered_.size() > explored_server::pieces_of_a_run) {
            return step::cancel;
        }
        if (server_.at_work() && (asks<act::rest>() || !moved_)) {
            return step::tick;
        }
        return server_.alive || lost_ || !asks<act::rest>() ? step::well : step::notice;
    }

private:
    template <typename Action>
    [[nodiscard]] bool asks() const {
        return std::holds_alternative<Action>(asked_);
    }
    // The runtime moves within this, which is well below the grace.
    [[nodiscard]] bool must_move() const {
        const auto* const pause = std::get_if<act::rest>(&asked_);
        return pause != nullptr && server_.at_work() && pause->until > moved_at_ + milliseconds{300};
    }
    [[nodiscard]] bool tapped() const {
        return how_ == explored_mode::tapped || how_ == explored_mode::endless;
    }
    void fault(const std::string& what) {
        if (wrong_.empty()) {
            wrong_ = what + "; turn " + turn_ + ", " + fsm_.state_name() + ", the server: " + server_.seen();
        }
    }
    void begin() {
        if (!server_.alive) {
            replace();
        }
        server_.endless = server_.endless && turn_ == 'a';
        over_ = replaced_ = lost_ = cancelled_ = false;
        ends_ = 0;
        delivered_.clear();
        began_ = now_;
        run_spec spec;
        spec.prompt.system = "Be brief.";
        spec.prompt.turns = "Hi";
        spec.until = core::deadline::after(std::chrono::minutes{20}, now_);
        fsm_.begin(std::move(spec), true, now_);
    }
    std::string end_turn() {
        for (int i = 0; i < 3000 && !over_ && wrong_.empty(); ++i) {
            happen(natural());
        }
        if (!over_) {
            fault("the turn has no end");
        }
        return wrong_;
    }
    void replace() {
        server_.replace();
        fsm_.on_new_process(now_);
    }
    void see() {
        cycle_signs signs;
        signs.cancelled = cancelled_;
        signs.tapped = tapped();
        if (replaced_ || lost_) {
            signs.lost = process_epochs::loss::runtime;
            signs.loss_text = core::reason::unlisted("The runtime ended.");
        }
        if (signs.tapped) {
            signs.tap = server_.tap;
            signs.tokens_made = signs.tokens_wanted = server_.tokens_made;
            signs.final_seen = server_.final_seen;
        }
        fsm_.see(std::move(signs));
    }
    void move() {
        now_ += milliseconds{5};
        moved_at_ = now_;
        moved_ = true;
        server_.tick(now_);
        see();
        if (tapped()) {
            fsm_.on_tap_text(server_.take_answers(), server_.tokens_made, false);
            fsm_.on_tap_event(now_);
            woken();
        }
    }
    void woken() {
        if (asks<act::rest>()) {
            see();
            fsm_.on_rested(now_);
            go_on();
        }
    }
    // All that needs no answer, up to what does.
    void go_on() {
        for (int i = 0; wrong_.empty(); ++i) {
            if (i > 200) {
                return fault("it asks for ever");
            }
            see();
            asked_ = fsm_.next(now_);
            if (const auto* const last = std::get_if<act::finish>(&asked_)) {
                return finish(last->idle);
            }
            if (!performed()) {
                return check_question();
            }
        }
    }
    // False: it is to be answered.
    bool performed() {
        if (const auto* const piece = std::get_if<act::deliver>(&asked_)) {
            deliver(piece->text);
        } else if (const auto* const end = std::get_if<act::tell_end>(&asked_)) {
            tell_end(end->outcome);
        } else if (asks<act::restart>()) {
            if (healthy_) {
                fault("a runtime is restarted that nothing is wrong with");
            }
            replaced_ = true;
            replace();
        } else {
            return asks<act::note>() || asks<act::report_tokenizer_hung>() || asks<act::report_intrusion>();
        }
        return true;
    }
    void check_question() {
        if (cancelled_ && (asks<act::reset>() || asks<act::generate>())) {
            fault("work is begun for nobody");
        } else if (const auto* const pause = std::get_if<act::rest>(&asked_)) {
            if (pause->until > now_ + core::seconds{10}) {
                fault("it rests without a bound");
            }
        } else if (asks<act::generate>()) {
            const bool empty =
                how_ == explored_mode::keeps_nothing || server_.context() == std::string(1, turn_);
            if (server_.alive && (server_.at_work() || !server_.text().empty() || !empty)) {
                fault("a prompt enters a server that is not reset for it and at rest");
            }
            if (how_ != explored_mode::keeps_nothing && fsm_.progress().reset_confirmed == steady_time{}) {
                fault("a prompt without a confirmed reset");
            }
        }
        if (now_ - began_ > std::chrono::minutes{15}) {
            fault("the turn took longer than all its clocks");
        }
    }
    void deliver(const std::string& text) {
        if (ends_ > 0 || cancelled_) {
            fault("text after the end, or after it was not wanted any more");
        }
        if (text.find_first_not_of(turn_) != std::string::npos) {
            fault("text of somebody else");
        }
        delivered_ += text;
    }
    void tell_end(const run_outcome& end) {
        ++ends_;
        how_it_ended_ = end.end;
        if ((end.end == run_end::failed) != end.failure.has_value()) {
            fault("an end that is failed without a failure, or not failed with one");
        }
        if (end.end == run_end::cancelled && !cancelled_) {
            fault("cancelled by nobody");
        }
        if (end.end == run_end::stop && delivered_.size() != explored_server::pieces_of_a_run) {
            fault("an end of an answer that is not whole: '" + delivered_ + "'");
        }
    }
    void finish(bool idle) {
        over_ = true;
        if (ends_ != 1) {
            fault(std::to_string(ends_) + " ends were told");
        }
        const bool own_text = server_.text().find(turn_) != std::string::npos;
        if (idle && server_.alive && (server_.at_work() || own_text)) {
            fault("the runtime was left at work or with text of the turn");
        }
        if (!idle && !replaced_ && !lost_) {
            fault("neither idle nor handed to a restart");
        }
        // What the supervisor does: nobody borrows a runtime that is not known to be idle.
        if (!idle && !replaced_) {
            replace();
        }
    }

    // ---- answers

    void answer(step how) {
        const bool arrives = server_.alive && how != step::cut && how != step::silent;
        const bool silent = how == step::silent;
        moved_ = false;
        std::optional<core::failure> why;
        if (silent) {
            why = core::make_failure(core::errc::timed_out, core::reason::unlisted("silent"));
        } else if (!server_.alive || how == step::cut || how == step::unheard) {
            why = core::make_failure(core::errc::protocol, core::reason::unlisted("cut"));
        }
        const cycle_action asked = std::exchange(asked_, act::note{});
        if (const auto* const pause = std::get_if<act::rest>(&asked)) {
            now_ = std::max(now_ + milliseconds{1}, pause->until);
            see();
            fsm_.on_rested(now_);
            return go_on();
        }
        const steady_time sent = now_;
        for (int i = 0; silent && server_.at_work() && i < 20; ++i) {
            move();
        }
        now_ += silent ? std::chrono::duration_cast<steady_time::duration>(scratch_->call.limit())
                       : milliseconds{1};
        if (std::holds_alternative<act::poll>(asked)) {
            core::result<poll_answer> got = poll_answer{};
            if (arrives) {
                got = poll_answer{!server_.busy(), server_.take_text()};
            }
            see();
            fsm_.on_polled(sent, why ? core::result<poll_answer>(*why) : got, now_);
        } else {
            answer_control(asked, how, arrives, why);
        }
        go_on();
    }
    void answer_control(const cycle_action& asked, step how, bool arrives,
                        const std::optional<core::failure>& why) {
        const bool is_reset = std::holds_alternative<act::reset>(asked);
        const bool starts_work = is_reset || std::holds_alternative<act::generate>(asked);
        if (starts_work) {
            is_reset ? server_.begin_reset() : server_.begin_run();
        }
        const bool busy = starts_work && (server_.busy() || how == step::busy);
        if (starts_work && arrives && !busy && how != step::dropped) {
            server_.accept(is_reset, turn_);
            moved_at_ = now_;
        }
        core::result<control_reply> got =
            control_reply{busy ? control_verdict::busy : control_verdict::accepted, busy ? 400U : 200U};
        if (why) {
            got = *why;
        }
        see();
        if (is_reset) {
            fsm_.on_reset(got, now_);
        } else if (starts_work) {
            fsm_.on_generated(got, now_);
        } else if (std::holds_alternative<act::stop>(asked)) {
            if (arrives) {
                server_.stop();
            }
            fsm_.on_stopped(got, now_);
        } else if (std::holds_alternative<act::fetch_owed>(asked)) {
            fsm_.on_owed(std::string(), false, now_);
        } else if (std::holds_alternative<act::repair_tap>(asked)) {
            fsm_.on_repaired(now_);
        } else {
            fsm_.on_examined(now_);
        }
    }

    explored_mode how_;
    steady_time now_{core::seconds{1000}};
    cycle_clocks clocks_;
    std::shared_ptr<cycle_clocks>
        scratch_;  // what all copies' machines refer to; clocks_ stand there while one moves
    cycle_fsm fsm_;
    explored_server server_;
    cycle_action asked_ = act::note{};
    bool healthy_ = true;     // nothing was wrong with the runtime so far
    bool moved_ = false;      // the runtime, since the last answer
    steady_time moved_at_{};  // ... or got something to do
    std::string wrong_;
    // Of the turn.
    char turn_ = 'a';
    int ends_ = 0;
    run_end how_it_ended_ = run_end::failed;
    bool over_ = false;
    bool replaced_ = false;
    bool lost_ = false;  // the end of the process was told
    bool cancelled_ = false;
    std::string delivered_;
    steady_time began_{};
};

}  // namespace corral::engine::ax_poll
