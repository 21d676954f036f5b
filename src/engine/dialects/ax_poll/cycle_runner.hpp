#pragma once
// Carries one request after another through the cycle of docs/design.md#the-promise-of-statelessness on the
// polling protocol: drain, reset, confirmed idle, generate, follow, and back to idle. Decisions are taken by
// the pure parts beside it.

#include <functional>
#include <optional>
#include <string>

#include "corral/engine/backend.hpp"
#include "engine/dialects/ax_poll/cycle_clocks.hpp"
#include "engine/dialects/ax_poll/follow_fsm.hpp"
#include "engine/dialects/ax_poll/idle_evidence.hpp"
#include "engine/dialects/ax_poll/poll_schedule_policy.hpp"
#include "engine/dialects/ax_poll/runtime_link.hpp"
#include "engine/dialects/ax_poll/service_watch.hpp"
#include "engine/dialects/ax_poll/tokenizer_tap.hpp"
#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

namespace corral::engine::ax_poll {

struct cycle_parts {
    core::executor on;
    const core::clock_source* clock = nullptr;
    runtime_link link;
    tokenizer_tap* tap = nullptr;          // nullptr: none
    verbatim_encoder* verbatim = nullptr;  // nullptr: no tap
    const service_watch* watch = nullptr;
    catalog::engine_clocks clocks;
    cycle_clocks* learned = nullptr;  // not null
    core::milliseconds poll_interval{250};
    bool keeps_nothing = false;  // a build without reset, whose runs each begin anew
    catalog::sampling_defaults sampling;
    std::function<catalog::context_sizes()> sizes;
    // Restarts the runtime, or with `pair` its tokenizer too; the cause is a plain sentence.
    std::function<void(bool pair, std::string cause)> restart;
    std::function<void()> tokenizer_hung;  // it took a call and did not answer it
};

// For a build that has no reset, and so no place for a system text: the turns begin with it.
[[nodiscard]] chat::rendered_prompt without_reset(chat::rendered_prompt prompt);

class cycle_runner {
public:
    explicit cycle_runner(cycle_parts parts);

    // backend::run(). `may_restart` false: a failed start is the supervisor's to judge.
    [[nodiscard]] core::awaitable<run_outcome> run(run_spec what, run_sink& sink, run_control& control,
                                                   std::function<void(const run_outcome&)> on_end,
                                                   bool may_restart);
    // Stop until idle; false when the deadline or the loss of the process came first.
    [[nodiscard]] core::awaitable<bool> come_to_rest(core::deadline until);
    // The exclusive right to talk to the runtime, for what is not a run; false on the deadline.
    [[nodiscard]] core::awaitable<bool> take_turn(core::deadline until);
    void end_turn();
    // Somebody has that right now.
    [[nodiscard]] bool busy() const noexcept { return busy_; }

    // Signs from outside.
    void on_output(std::string_view bytes);
    void on_tap_event();
    void on_status() { bell_.ring(); }
    void on_new_process();

private:
    enum class verdict { stop, length, cancelled, failed, again };
    using early = std::optional<verdict>;

    struct run_state {
        run_spec what;
        run_sink* sink = nullptr;
        run_control* control = nullptr;
        service_watch::mark began;
        std::optional<prompt_ids> ids;  // of a verbatim prompt
        run_progress progress;
        std::optional<run_failure> failure;
        std::optional<std::string> restart_cause;  // the runtime is beyond talking to
        bool restart_pair = false;
        bool prompt_inside = false;  // something of the request went to the runtime
        bool ended_by_itself = false;
        bool text_given = false;
        bool full_text_held = false;  // what may be the in-band text of a full context
        std::uint32_t polls_with_text = 0;
        std::size_t text_bytes = 0;
    };

    // Each step: nullopt goes on.
    [[nodiscard]] core::awaitable<verdict> attempts(run_state& now);
    [[nodiscard]] core::awaitable<verdict> attempt(run_state& now);
    [[nodiscard]] core::awaitable<early> encode_verbatim(run_state& now);
    [[nodiscard]] core::awaitable<early> drain(run_state& now);
    [[nodiscard]] core::awaitable<early> reset(run_state& now);
    [[nodiscard]] core::awaitable<early> send_reset(run_state& now);
    [[nodiscard]] core::awaitable<early> confirm_reset(run_state& now, bool& swallowed);
    [[nodiscard]] core::awaitable<early> generate(run_state& now);
    [[nodiscard]] core::awaitable<verdict> follow(run_state& now);
    [[nodiscard]] core::awaitable<verdict> conclude(run_state& now);
    [[nodiscard]] core::awaitable<verdict> conclude_with_tap(run_state& now);
    [[nodiscard]] core::awaitable<void> settle(run_state& now);
    // Polls, stopping what runs, until idle is confirmed.
    [[nodiscard]] core::awaitable<bool> bring_to_idle(service_watch::mark began, bool stop,
                                                      core::deadline until);
    // After a busy answer: lets time pass and discards text.
    [[nodiscard]] core::awaitable<early> back_off(run_state& now, unsigned tries);

    [[nodiscard]] early interrupted(run_state& now) const;
    [[nodiscard]] early on_loss(run_state& now, service_watch::loss lost) const;
    [[nodiscard]] core::awaitable<verdict> call_failed(run_state& now, core::failure why, const char* call);
    [[nodiscard]] verdict fail(run_state& now, chat::failure_kind kind, const char* cause,
                               std::string message) const;
    [[nodiscard]] verdict fail_and_restart(run_state& now, const char* cause, std::string message) const;
    [[nodiscard]] verdict hung(run_state& now, const char* call) const;
    [[nodiscard]] verdict verbatim_failed(run_state& now, const core::failure& why) const;
    [[nodiscard]] early take_verbatim(run_state& now, token_ids ids) const;
    [[nodiscard]] verdict foreign_ids(run_state& now) const;
    [[nodiscard]] verdict context_full(run_state& now, std::uint32_t prompt_tokens) const;
    // The text of a poll: true when it is this run's.
    [[nodiscard]] bool take_text(run_state& now, const poll_answer& got);
    void deliver(run_state& now, std::string_view text);
    void note_usage(run_state& now) const;
    void note_stages(run_state& now) const;
    [[nodiscard]] early stalled(run_state& now) const;
    [[nodiscard]] early reset_stalled(run_state& now) const;
    [[nodiscard]] prompt_size size_of_turns(const run_state& now) const;
    [[nodiscard]] prompt_size size_of_system(const run_state& now) const;
    // A moment to measure from, and what has passed since that is the runtime's own doing: without what its
    // tokenizer kept it waiting, and without what our loop was late.
    struct sign {
        core::steady_time at{};
        core::nanoseconds late{0};
        core::nanoseconds waited{0};
    };
    [[nodiscard]] sign sign_at(core::steady_time at) const;
    [[nodiscard]] core::nanoseconds silence_since(const sign& last) const;

    // Until `when`, the bell, or the run's control.
    [[nodiscard]] core::awaitable<void> rest(run_control* control, core::steady_time when);
    [[nodiscard]] bool tapped() const noexcept { return parts_.tap != nullptr && parts_.tap->view().in_use; }
    void see_tap();
    // Without the tap: the runtime says that its tokenizer did not encode this prompt, or reset, and nothing
    // but itself can have said so.
    [[nodiscard]] bool encode_failed_in_output() const;
    [[nodiscard]] bool reset_failed_in_output() const;
    // And that it carries out this reset, which may be over before a poll could see it.
    [[nodiscard]] bool reset_begun_in_output(const run_state& now) const;
    // With the tap: the runtime turns tokens into text and has asked for none of this prompt.
    [[nodiscard]] bool runs_something_else() const;
    [[nodiscard]] core::steady_time clock_now() const noexcept { return parts_.clock->now(); }

    cycle_parts parts_;
    core::wake_signal bell_;
    core::wake_signal freed_;
    idle_evidence idle_;
    poll_schedule_policy schedule_;
    core::deadline reset_until_{core::steady_time{}};  // of a reset that was accepted, without our lateness
    sign reset_sent_;
    sign accepted_;  // the prompt
    sign last_sign_of_life_;
    bool busy_ = false;
    bool following_ = false;
    bool suspect_ = false;           // the last run did not end by the model's own will
    std::uint32_t pieces_seen_ = 0;  // answers of the tap that polls have caught up with
    std::uint32_t answers_heard_ = 0;
    bool final_heard_ = false;
    std::string output_before_text_;  // of this run, bounded; only without the tap
    bool listens_for_failure_ = false;
};

}  // namespace corral::engine::ax_poll
