#pragma once
// Performs what the cycle's machine asks for: calls of the runtime, rests, the tap, the borrower's sink.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "engine/dialects/ax_poll/runtime_link.hpp"
#include "engine/dialects/ax_poll/tokenizer_tap.hpp"
#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

namespace corral::engine::ax_poll {

// Whether a prompt may be put behind what the cache holds, and behind what another owner has left there.
struct reuse_rule {
    bool on = false;
    bool across_owners = false;
};

struct cycle_parts {
    core::executor on;
    const core::clock_source* clock = nullptr;
    runtime_link link;
    tokenizer_tap* tap = nullptr;          // nullptr: none
    verbatim_encoder* verbatim = nullptr;  // nullptr: no tap
    const process_epochs* epochs = nullptr;
    std::function<bool()> halted;  // the runtime's process, by a signal; empty: never
    cycle_settings settings;
    cycle_clocks* learned = nullptr;  // not null
    catalog::sampling_defaults sampling;
    std::function<catalog::context_sizes()> sizes;
    // Restarts the runtime, or with `pair` its tokenizer too; the cause is a plain sentence.
    std::function<void(const act::restart& what)> restart;
    std::function<void()> tokenizer_hung;  // it took a call and did not answer it
    std::function<void(act::report_intrusion::kind)> intrusion;
    std::function<core::awaitable<void>(core::deadline)> examine_tokenizer;  // restarts it where it is ill
    std::function<reuse_rule()> reuse;                                       // empty: never
};

class cycle_runner {
public:
    explicit cycle_runner(cycle_parts parts);
    cycle_runner(const cycle_runner&) = delete;
    cycle_runner& operator=(const cycle_runner&) = delete;

    // backend::run(). `may_restart` false: a failed start is the supervisor's to judge.
    [[nodiscard]] core::awaitable<run_outcome> run(run_spec spec, run_sink& sink, run_control& control,
                                                   std::function<void(const run_outcome&)> on_end,
                                                   bool may_restart);
    // Stop until idle; false when the deadline or the loss of the process came first.
    [[nodiscard]] core::awaitable<bool> come_to_rest(core::deadline until);
    // Has the runtime compute these ids before anybody asks (cycle_fsm::begin_ahead), to run_end::stop; cancelled: before
    // the runtime was asked.
    [[nodiscard]] core::awaitable<run_end> compute_ahead(token_ids ids, std::string owner,
                                                         run_control& control, core::deadline until);
    // Somebody talks to the runtime right now.
    [[nodiscard]] bool busy() const noexcept { return busy_; }

    // backend::held_bytes()
    [[nodiscard]] std::size_t held_bytes(const chat::rendered_prompt& prompt, std::string_view owner) const {
        return busy_ ? 0 : fsm_.held_bytes(prompt, owner);
    }
    // A prompt of these ids would go behind what the runtime holds, if that is its owner's.
    [[nodiscard]] bool goes_on(const token_ids& ids) const { return !busy_ && fsm_.goes_on(ids); }
    [[nodiscard]] const token_ids* held_for(std::string_view owner) const noexcept {
        return fsm_.held_for(owner);
    }
    [[nodiscard]] std::uint32_t held_tokens() const noexcept { return fsm_.held_tokens(); }
    // All ids of the last prompt that the cache was accounted for.
    [[nodiscard]] const token_ids& whole() const noexcept { return fsm_.whole(); }
    [[nodiscard]] const std::optional<spoken_text>& spoken() const noexcept { return fsm_.spoken(); }

    // Signs from outside.
    void on_output(std::string_view bytes);
    void on_tap_event();
    void on_tap_text(std::string_view text, bool perhaps_final) {
        fsm_.on_tap_text(text, parts_.tap->tokens().count(), perhaps_final);
    }
    void on_status() { bell_.ring(); }
    void on_new_process() { fsm_.on_new_process(clock_now()); }

private:
    // One borrower's time with the runtime.
    struct turn {
        run_sink* sink = nullptr;  // nullptr, like `control`: no run, only the way to rest
        run_control* control = nullptr;
        std::function<void(const run_outcome&)> on_end;
        process_epochs::mark began;
        run_outcome outcome;
        bool over = false;
        bool idle = false;
        bool read_enough = false;  // cancelled by what it was given
    };

    // The exclusive right to talk to the runtime; false on the deadline, and where it is not wanted any more.
    [[nodiscard]] core::awaitable<bool> take_turn(core::deadline until, run_control* control);
    class held_turn;
    void end_turn();
    [[nodiscard]] core::awaitable<void> carry_out(turn& now);
    // What is done at once; false: it has to be waited for.
    [[nodiscard]] bool perform_at_once(turn& now, const cycle_action& action);
    [[nodiscard]] core::awaitable<void> perform(const cycle_action& action);
    [[nodiscard]] std::string sent_text(std::string_view text) const;
    [[nodiscard]] core::awaitable<void> poll();
    [[nodiscard]] core::awaitable<void> reset();
    [[nodiscard]] core::awaitable<void> generate();
    [[nodiscard]] core::awaitable<void> encode(act::encode asked);
    [[nodiscard]] core::awaitable<void> fetch_owed(core::deadline until);
    // Work at the tokenizer for the runtime of this turn, given up where that is lost.
    [[nodiscard]] core::awaitable<void> while_it_lives(core::awaitable<void> work);
    // Until `when`, the bell, or the borrower's control.
    [[nodiscard]] core::awaitable<void> rest(core::steady_time when);
    void write(const act::note& what) const;
    [[nodiscard]] cycle_signs signs() const;
    [[nodiscard]] bool lost() const noexcept {
        return parts_.epochs->since(turn_->began) != process_epochs::loss::none;
    }
    [[nodiscard]] bool tapped() const noexcept { return parts_.tap != nullptr && parts_.tap->view().in_use; }
    [[nodiscard]] bool cancelled() const noexcept {
        return turn_ != nullptr && turn_->control != nullptr && turn_->control->cancelled();
    }
    [[nodiscard]] core::steady_time clock_now() const noexcept { return parts_.clock->now(); }

    cycle_parts parts_;
    cycle_fsm fsm_;
    core::wake_signal bell_;
    core::wake_signal freed_;
    turn* turn_ = nullptr;
    bool busy_ = false;
    std::shared_ptr<const bool> present_ = std::make_shared<bool>(true);
};

}  // namespace corral::engine::ax_poll
