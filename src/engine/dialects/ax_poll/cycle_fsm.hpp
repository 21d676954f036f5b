#pragma once
// The polled cycle as decisions alone: drain, reset, confirmed idle, generate, follow, conclude, and back to an
// idle runtime. The machine names the one thing to do next; the runner does it and reports what came of it.
// docs/polled_cycle.md holds its states, events and rules. Three smaller machines know when to poll (polling_fsm), what
// the cache holds (reuse_fsm), and whose text a run's is (intrusion_fsm).

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "corral/engine/backend.hpp"
#include "engine/dialects/ax_poll/cycle_clocks.hpp"
#include "engine/dialects/ax_poll/cycle_signs.hpp"
#include "engine/dialects/ax_poll/follow_fsm.hpp"
#include "engine/dialects/ax_poll/intrusion_fsm.hpp"
#include "engine/dialects/ax_poll/log_reader.hpp"
#include "engine/dialects/ax_poll/polling_fsm.hpp"
#include "engine/dialects/ax_poll/printed_lines.hpp"
#include "engine/dialects/ax_poll/reuse_fsm.hpp"
#include "engine/dialects/ax_poll/vendor_protocol.hpp"

namespace corral::engine::ax_poll {

// What to do next. A call, `rest`, `fetch_owed`, `repair_tap` and `examine_tokenizer` are to be answered by the event of that name
// before next() is asked again; the others are done by then.
namespace act {
struct encode {  // the prompt into ids
    core::deadline until;
    bool composes = false;  // from spoken(), where it begins with that
};
struct poll {};
struct stop {};
struct reset {};     // with the system prompt, or its ids
struct generate {};  // with the turns, or their ids
struct rest {        // until then, or until a sign from outside
    core::steady_time until{};
};
struct fetch_owed {  // text that was in no poll, from the tap
    core::deadline until;
};
struct repair_tap {
    core::deadline until;
};
struct deliver {
    std::string text;
};
struct note {
    enum class level { debug, info, warn };
    level how = level::info;
    core::reason text;
};
struct restart {  // the runtime, or with `pair` its tokenizer too
    bool pair = false;
    core::reason cause;
    supervisor::restart_reason why = supervisor::restart_reason::hang;
};
struct report_tokenizer_hung {};
struct examine_tokenizer {  // by plain texts; the runner has it restarted where it takes none
    core::deadline until;
};
struct report_intrusion {  // another program talks to the runtime too
    enum class kind { poll, stop, cache };
    kind how = kind::poll;
};
struct tell_end {
    run_outcome outcome;
};
struct finish {  // the turn is over
    bool idle = false;
    run_loss loss;
};
}  // namespace act
using cycle_action =
    std::variant<act::encode, act::poll, act::stop, act::reset, act::generate, act::rest, act::fetch_owed,
                 act::repair_tap, act::deliver, act::note, act::restart, act::report_tokenizer_hung,
                 act::examine_tokenizer, act::report_intrusion, act::tell_end, act::finish>;

// For a build that has no reset, and so no place for a system prompt: the turns begin with it.
[[nodiscard]] chat::rendered_prompt without_reset(chat::rendered_prompt prompt);

struct cycle_settings {
    catalog::engine_clocks clocks;
    core::milliseconds poll_interval{250};
    bool keeps_nothing = false;  // a build without reset, whose runs each begin anew
    bool can_encode = false;     // a prompt can be made into ids
    std::string closing{};       // the family's text between a user's and the answer
};

class cycle_fsm {
public:
    // `learned` is borrowed: what steps took, for all processes of this model.
    cycle_fsm(cycle_settings settings, cycle_clocks& learned, core::steady_time now);

    // A turn: one run, or only the way to an idle runtime. It is over with act::finish. REQUIRES: none goes on.
    // `may_restart` false: a failed start is the supervisor's to judge.
    void begin(run_spec spec, bool may_restart, core::steady_time now);
    void begin_rest(core::deadline until, core::steady_time now);
    // Only a reset with these ids, for this owner: it ends with run_end::stop once the cache holds them, and without
    // having touched it where reuse is not on. A reset that was accepted is not cancelled any more. REQUIRES: at least
    // two ids, at most most_system_tokens() of them.
    void begin_ahead(token_ids ids, std::string owner, core::deadline until, core::steady_time now);
    // The turn was left before its end, perhaps in the midst of a call: what the runtime does and holds is unknown.
    void abandon();

    // Before every other event.
    void see(cycle_signs signs);
    // REQUIRES: a turn goes on, and the last action was answered.
    [[nodiscard]] cycle_action next(core::steady_time now);

    // Answers. One that was not asked for changes nothing.
    void on_encoded(core::result<token_ids> ids, core::steady_time now);
    void on_polled(core::steady_time sent, const core::result<poll_answer>& got, core::steady_time now);
    void on_stopped(const core::result<control_reply>& got, core::steady_time now);
    void on_reset(const core::result<control_reply>& got, core::steady_time now);
    void on_generated(const core::result<control_reply>& got, core::steady_time now);
    void on_rested(core::steady_time now);
    // `cut`: the tap knows of tokens that were in no piece.
    void on_owed(const core::result<std::string>& text, bool cut, core::steady_time now);
    void on_repaired(core::steady_time now);
    void on_examined(core::steady_time now);

    // From outside, at any time; true: text may be there now, so a rest is over.
    [[nodiscard]] bool on_output(std::string_view bytes, core::steady_time now);
    void on_tap_event(core::steady_time now);
    void on_tap_text(std::string_view text, std::uint32_t tokens, bool perhaps_final) {
        intrusion_.on_answer(text, tokens, perhaps_final);
    }
    void on_new_process(core::steady_time now);

    // Of this turn, or of the last.
    [[nodiscard]] const run_spec& request() const noexcept { return run_.what; }
    [[nodiscard]] const std::optional<prompt_ids>& ids() const noexcept { return run_.ids; }
    [[nodiscard]] const token_ids& whole() const noexcept { return reuse_.whole(); }
    [[nodiscard]] const run_progress& progress() const noexcept { return run_.progress; }
    // reuse_fsm::spoken()
    [[nodiscard]] const std::optional<spoken_text>& spoken() const noexcept { return reuse_.spoken(); }
    // backend::held_bytes()
    [[nodiscard]] std::size_t held_bytes(const chat::rendered_prompt& prompt, std::string_view owner) const {
        return reuse_.held_bytes(prompt, owner, signs_);
    }
    [[nodiscard]] bool goes_on(const token_ids& ids) const {
        return reuse_.cache().plan(ids, signs_.sizes, {}, true).how == cache_plan::way::go_on;
    }
    // What the cache holds of this owner; nullptr: unknown, or another's.
    [[nodiscard]] const token_ids* held_for(std::string_view owner) const noexcept {
        return reuse_.cache().held_for(owner, signs_.across_owners);
    }
    [[nodiscard]] std::uint32_t held_tokens() const noexcept {
        return reuse_.cache().known() ? static_cast<std::uint32_t>(reuse_.cache().held().size()) : 0;
    }
    // The tap shall hold the piece of now: the run is to be stopped without harm to the cache.
    [[nodiscard]] bool wants_hold() const {
        return reuse_.wants_hold(run_.what.expendable || signs_.left, signs_);
    }

    [[nodiscard]] const char* state_name() const noexcept;

private:
    enum class scrub_for { another_try, the_next_borrower, a_stop };
    enum class work { none, reset, run };  // what the runtime was last asked to do

    struct resting {};
    struct encoding {};
    struct draining {
        core::deadline until;
        bool looked = false;
    };
    struct asking_reset {
        core::deadline until;
        unsigned tries = 0;
    };
    struct confirming {
        core::steady_time line_by{};  // without the tap: the runtime's own line of the reset
    };
    struct asking_generate {
        core::deadline until;
        unsigned tries = 0;
    };
    struct backing_off {  // after a busy answer: lets time pass and discards text
        work then = work::none;
        core::deadline until;
        unsigned tries = 0;
        core::steady_time again{};
        bool looked = false;
        bool must_stop = false;
    };
    struct following {
        follow_fsm fsm;
        std::uint32_t pieces_seen = 0;    // answers of the tap that polls have caught up with
        std::uint32_t answers_heard = 0;  // ... and that the schedule knows of
        std::uint32_t answers_at_poll = 0;
        bool final_heard = false;
    };
    struct concluding {
        std::size_t late_polls = 0;  // made
        core::steady_time next{};
    };
    struct owing {
        core::steady_time report_by{};  // the runtime's word on the end of the run
    };
    struct noticing {  // a call broke: the report of a death may be on its way
        const char* call = "";
        bool silent = false;
        core::reason why;
        core::deadline patience;
    };
    struct ended {};
    struct scrubbing {
        scrub_for what = scrub_for::the_next_borrower;
        core::deadline until;
        bool stops = true;
        bool given_up = false;
        moment began;
    };
    struct repairing {};
    using state =
        std::variant<resting, encoding, draining, asking_reset, confirming, asking_generate, backing_off,
                     following, concluding, owing, noticing, ended, scrubbing, repairing>;

    struct run_state {
        run_spec what;
        bool may_restart = true;
        bool ahead = false;             // a reset that computes its ids, and no run
        std::optional<prompt_ids> ids;  // of a prompt that the tap answers with
        run_progress progress;
        std::optional<run_failure> failure;
        run_loss loss;
        std::optional<core::reason> restart_cause;  // the runtime is beyond talking to
        bool restart_pair = false;
        supervisor::restart_reason restart_why = supervisor::restart_reason::hang;
        bool doubts_tokenizer = false;  // only the runtime saw what it answered
        bool prompt_inside = false;     // something of the request went to the runtime
        bool ended_by_itself = false;
        bool text_given = false;
        bool full_text_held = false;  // what may be the in-band text of a full context
        std::uint32_t polls_with_text = 0;
        std::size_t text_bytes = 0;
        int attempts = 0;
        int resets = 0;                                   // of this attempt
        std::uint64_t strays = 0;                         // of the tap, as the last of them was asked for
        core::deadline reset_until{core::steady_time{}};  // of a reset that was accepted
        core::nanoseconds reset_took{0};
        run_pace pace;
        moment reset_sent;
        moment accepted;  // the prompt
        moment last_sign_of_life;
    };

    // One action, or another state.
    void decide(resting& in);
    void decide(encoding& in);
    void decide(draining& in);
    void decide(asking_reset& in);
    void decide(confirming& in);
    void decide(asking_generate& in);
    void decide(backing_off& in);
    void decide(following& in);
    void decide(concluding& in);
    void decide(owing& in);
    void decide(noticing& in);
    void decide(ended& in);
    void decide(scrubbing& in);
    void decide(repairing& in);

    // Poll, feed (on_polled), rest: the one place of each.
    void poll_or_rest(bool due, core::steady_time when);
    void take_step(const polling_fsm::step& step);
    void step_to_idle(core::deadline until);

    // Ways from one state to the next.
    void start_attempt();
    void drain();
    void prepare();
    void put_into_cache();
    void put_ahead();
    void reset();
    void confirm();
    void confirmed();
    void generate();
    void begin_anew();
    void follow();
    void conclude();
    void scrub(scrub_for what, bool stops, core::deadline until);
    void scrubbed(bool idle);
    void retry();
    void back_off(work then, core::deadline until, unsigned tries);
    void end(run_end how);
    void over(bool idle);
    // Whether that is what was asked for; then it is answered.
    template <typename Action>
    [[nodiscard]] bool answers() {
        const bool asked = asked_ == cycle_action(Action{}).index();
        asked_ = asked ? std::variant_npos : asked_;
        return asked;
    }
    void ask(cycle_action action);
    void tell(act::note::level how, core::reason text);
    void tell_debug(std::string text);  // for developers, so in no table

    // How a run ends early (cycle_failures.cpp). The first two: true when it did.
    [[nodiscard]] bool interrupted();
    [[nodiscard]] bool stalled();
    [[nodiscard]] bool reset_stalled();
    void set_failure(chat::failure_kind kind, core::reason message);
    void fail(chat::failure_kind kind, core::reason message);
    void fail_and_restart(core::reason message);
    void fail_as_hung(core::reason message);
    void note_hang(const std::string& message);
    // It runs for no request and has moved no more since it was told to stop.
    [[nodiscard]] bool stands_still(const scrubbing& in) const;
    [[nodiscard]] bool moved_since(const moment& then) const;
    [[nodiscard]] bool teaches() { return learned_.lesson.teaches(run_.what.prompt, run_.pace); }
    void fail_by_loss();
    void call_failed(const char* call, const core::failure& why);
    void hung(const char* call);
    void context_full(std::uint32_t prompt_tokens);
    void foreign_ids();
    void no_tokens(std::string_view unanswered);
    void no_prompt_tokens();
    void busy_for_ever();
    void no_reset_tokens();
    void encode_failed(const core::failure& why);
    void take_ids(token_ids ids);

    // The text of a run (cycle_text.cpp).
    enum class poll_text { none, ours, foreign };
    [[nodiscard]] poll_text take_text(const poll_answer& got);
    void cut_to_limit(std::string& text) const;
    void deliver(const std::string& text);
    void give(std::string text);  // without a look at where its prompt stands
    [[nodiscard]] intrusion_fsm::witnesses witnesses() const {
        return {signs_, report_, run_.progress.usage, now_};
    }
    void note_shared();
    void tell_foreign_stop();
    // Text waits for the runtime's word on where its prompt stands; true: something came of that.
    [[nodiscard]] bool place_judged();
    [[nodiscard]] core::steady_time place_due() const;
    void cache_differs();
    void on_followed(following& in, core::steady_time sent, const poll_answer& got);
    void note_usage();
    [[nodiscard]] prompt_size size_of_turns() const;
    [[nodiscard]] prompt_size size_of_system() const;
    [[nodiscard]] moment moment_of_now() const;
    [[nodiscard]] core::nanoseconds silence_since(const moment& last) const;
    [[nodiscard]] bool awaits_reset_line(confirming& in) const;
    [[nodiscard]] core::steady_time run_line_due() const;
    // With the tap: the runtime turns tokens into text and has asked for none of this prompt.
    [[nodiscard]] bool runs_something_else() const;

    cycle_settings settings_;
    cycle_clocks& learned_;
    core::steady_time now_;
    state state_;
    std::deque<cycle_action> due_;
    std::size_t asked_ = std::variant_npos;  // the last action, until it is answered
    cycle_signs signs_;
    run_state run_;
    polling_fsm polling_;
    reuse_fsm reuse_;
    intrusion_fsm intrusion_;
    run_report report_;    // with the tap
    printed_lines lines_;  // only without it
    work last_work_ = work::none;
    bool suspect_ = false;  // the last run did not end by the model's own will
};

}  // namespace corral::engine::ax_poll
