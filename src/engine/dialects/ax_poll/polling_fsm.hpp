#pragma once
// When a runtime is polled, and when it is told to stop: on its way to idle, and behind its text. What the polls prove
// is for idle_evidence to say, how far they lie apart for poll_schedule_policy.
//
//  state      event                                              step
//  settling   a stop is wanted and due, and waits for no piece   stop
//  settling   first, woken, or to be looked at again             poll
//  settling   else                                               rest until the next poll, the next stop, the deadline
//  following  the schedule's time has come                       poll
//  following  else                                               rest

#include <optional>
#include <variant>

#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/poll_schedule_policy.hpp"

namespace corral::engine::ax_poll {

// When a runtime may be believed to be idle and empty. "done: true" alone proves nothing: it is also the
// answer while an accepted call waits for its worker (docs/facts/vendor_ax.md#early-done).

// unknown ──begun, done:false, text──▶ begun ──2 empty done:true in a row──▶ idle
//    └────────done:true in every poll for the grace─────────────────────────▶ idle
class idle_evidence {
public:
    explicit idle_evidence(core::milliseconds grace) : grace_(grace) {}

    // A call that starts work is about to be sent: what was seen before counts no more.
    void on_call(core::steady_time now);
    // The work of the last call was seen to begin elsewhere (by the tap).
    void on_begun(core::steady_time now);
    // The answer to a poll that was sent at `sent`.
    void on_poll(core::steady_time sent, bool done, bool has_text);

    [[nodiscard]] bool begun() const noexcept { return begun_; }
    [[nodiscard]] bool idle() const noexcept { return idle_; }
    // Believed only because of the grace time.
    [[nodiscard]] bool by_grace() const noexcept { return idle_ && !begun_; }

private:
    core::milliseconds grace_;
    core::steady_time called_{};
    core::steady_time begun_at_{};
    core::steady_time quiet_since_{};
    bool begun_ = false;
    bool quiet_ = false;
    bool idle_ = false;
    int empty_in_a_row_ = 0;
};

class polling_fsm {
public:
    enum class stops {
        never,         // what runs is wanted
        seen_running,  // once a poll has shown that something runs
        at_once,
    };
    enum class kind { poll, stop, rest };
    struct step {
        kind what = kind::rest;
        core::steady_time until{};  // of a rest
    };

    // `grace`: after it, a runtime that is empty in every poll is believed; `slowest`: see poll_schedule_policy.
    polling_fsm(core::milliseconds grace, core::milliseconds slowest);

    // Towards idle. `keeps_interval`: the last stop can't have been lost, so the next one waits for its time.
    void settle(stops how, bool keeps_interval, core::steady_time now);
    // Behind the text of an accepted prompt.
    void follow(core::steady_time now);

    // A call that starts work is about to be sent.
    void on_call(core::steady_time now) { idle_.on_call(now); }
    // That work was seen to begin.
    void on_begun(core::steady_time at) { idle_.on_begun(at); }
    // What an answered poll proves; then, of any poll, how it went. `had_text`: of the run that is followed.
    void on_answer(core::steady_time sent, bool done, bool has_text) { idle_.on_poll(sent, done, has_text); }
    void on_polled(core::steady_time sent, core::steady_time now, bool had_text, bool done);
    void on_failed_poll(core::steady_time sent, core::steady_time now);
    // A rest is over, or what looks empty is to be confirmed: polled without delay.
    void look_again();
    // `safe`: it was sent where it can't be lost.
    void on_stop(bool safe, core::steady_time now);

    // Signs of text.
    void on_sign(core::steady_time now) { schedule_.on_sign(now); }
    void on_answered(core::steady_time now) { schedule_.on_answered(now); }
    void on_ending(core::steady_time now) { schedule_.on_ending(now); }

    // REQUIRES: settling. `held_until`: no stop before, for the piece that it waits for has not come.
    [[nodiscard]] step to_idle(core::steady_time now, core::steady_time deadline,
                               std::optional<core::steady_time> held_until);
    // `wake`: a rest ends then at the latest.
    [[nodiscard]] step to_text(core::steady_time now, core::steady_time wake) const;

    [[nodiscard]] core::steady_time next_stop() const noexcept { return next_stop_; }
    // Confirmed, by what polls and signs said since the last call that starts work.
    [[nodiscard]] bool idle() const noexcept { return idle_.idle(); }
    [[nodiscard]] bool begun() const noexcept { return idle_.begun(); }
    // Believed only because of the grace time.
    [[nodiscard]] bool by_grace() const noexcept { return idle_.by_grace(); }

private:
    struct settling {
        stops how = stops::never;
        bool due = true;         // a poll
        bool must_stop = false;  // something runs that is not wanted
    };
    struct following {};

    idle_evidence idle_;
    poll_schedule_policy schedule_;
    std::variant<following, settling> state_;
    core::steady_time next_stop_{};
};

}  // namespace corral::engine::ax_poll
