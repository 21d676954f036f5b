#pragma once
// The life of one service as a pure machine: `step` takes a machine, an event and the time, and answers with
// the next machine and what is to be done. It owns no process, socket, timer or log.
//
//   state     | a process lives | wake (the only timer)             | leaves it by
//   ----------+-----------------+-----------------------------------+--------------------------------------------
//   stopped   | no              | none                              | start, adopted (then ready at once)
//   starting  | after spawned   | gate, no progress, or too long    | ready, stopping, waiting, broken
//   ready     | yes             | none                              | stop, kill, hold, fault, probe_failed, exited
//   stopping  | yes             | next rung of the ladder           | gone: the leader and its whole group
//   waiting   | no              | backoff, gate; none when held     | timer, start, release, stop, gate
//   broken    | no              | slow retry                        | timer, start, stop, gate
//
// Every state with every event is in docs/service_machine.md, which a test holds against this code. Each state
// carries what is known in it and nothing else (namespace phase), so whether a process lives, what is waited for
// and until when follow from it and can't contradict it.
//
// Wanted and current are apart: `start` and `stop` edit `wanted`, `hold` and `release` edit `held` (a service
// before this one is not ready); both only move the machine as far as its process allows.
//
// A service with a gate (plan.has_gate) asks it before each launch: on its first way there and after a
// failure as the first stage of starting, from waiting and broken without leaving them, so that a look that
// finds nothing new changes nothing. gate_waits leads to waiting and gate_shut to broken, each with a timer
// to ask again; neither is a failure, costs a process, or touches the restart policy. No gate is asked while
// held.
//
// Within starting the stages follow one another, each by the event that proves the one before, and an event
// out of its stage is ignored. So spawned is never ready, and no test talks to a socket that is not ours:
//
//   gate_question --gate_opened--> launching --spawned--> loading: socket --socket_owned--> probe
//                 --probe_answered--> self_test --self_test_passed--> ready
//
// A process whose end is wanted goes through stopping, whoever wanted it; `after` remembers what comes then:
//
//   rest    | not wanted
//   held    | a service before it went
//   again   | ended by choice: at once, and no failure
//   retry   | it failed: restart policy
//   refused | what is wrong will not be repaired by a restart: slow retry
//
// A stop overrules the others; a hold overrules a choice, but a failure stays one: a service that fails beside one
// that is being replaced would be started without bound. An exit is noticed in two steps: `exited` (the
// leader is dead, ready is over at once) and `gone` (its group too, its output drained), and only `gone` may
// start the next process.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/supervisor/learned_clock.hpp"
#include "corral/supervisor/service_status.hpp"
#include "supervisor/machine/restart_policy.hpp"

namespace corral::supervisor {

// What a process that loads has to prove next.
enum class load_stage { socket, probe, self_test };
enum class after_stop { rest, held, again, retry, refused };

enum class event_kind {
    start,             // wanted; closes an open breaker
    stop,              // not wanted: by the ladder
    let_go,            // not wanted, but may go on until it is stopped or ends
    kill,              // at once, and started again as `why` says, unless it had been asked to stop
    hold,              // a service before it is not ready: killed at once, and waits
    release,           // those before it are ready again
    gate_opened,       // the answer to ask_gate: launch; reason: what was found
    gate_waits,        // the answer to ask_gate: not yet; reason and advice
    gate_shut,         // the answer to ask_gate: not as it is; reason and advice
    spawned,           // the answer to launch
    refused,           // the answer to launch: would fail again; reason and advice
    launch_failed,     // the answer to launch: may work later
    socket_owned,      //
    probe_answered,    //
    self_test_passed,  //
    self_test_failed,  //
    fault,             // a foreign process listens where this one should, or its program can't be executed
    fatal_line,        // it printed a line that ends a start
    progress,          // a sign that loading goes on
    quiesced,          // brought to rest
    probe_ok,          // ready, idle, and answers
    probe_failed,      // ready, idle, and gave no answer in its time; reason
    exited,            // the leader died
    gone,              // nothing of its process group lives any more; reason and advice tell how it ended
    repaired,          // what a start needs is other than it was when the last one failed
    adopted,           // a ready process was taken over from an earlier image of this program
    timer,             // `wake` has come
};
inline constexpr int event_kinds = static_cast<int>(event_kind::timer) + 1;
[[nodiscard]] const char* to_string(event_kind kind) noexcept;

struct service_event {
    event_kind what = event_kind::timer;
    core::reason reason;
    std::string advice;
    bool by_itself = false;  // of gone: the signals that were sent to it don't explain its end
    restart_reason why = restart_reason::hang;  // of kill
    bool at_work = false;                       // of kill and exited: a prompt was inside
};

enum class action_kind { ask_gate, launch, watch_socket, probe, self_test, guard, quiesce, signal };

struct service_action {
    action_kind what = action_kind::launch;
    catalog::stop_step step;  // of signal
    core::steady_time until;  // of quiesce
};

// What the machine needs to know about its service; does not change.
struct service_plan {
    catalog::service_template rules;
    bool has_self_test = false;
    bool has_quiesce = false;
    bool has_gate = false;
    core::milliseconds gate_limit{90'000};   // for its answer; without one it counts as shut
    core::milliseconds gate_interval{1000};  // between questions after gate_waits
    core::milliseconds quiesce_limit{5000};
    core::milliseconds look_again{10'000};  // at a refused start or a shut gate; costs no process
    core::milliseconds breaker_retry{300'000};
};

// The clocks of a start: one for the longest pause between two signs of progress, one for the whole. Both
// learn from starts that ended ready and know the model, not the process, so they outlive it.
//
// A load is rare, so one is believed; and its first is cold (the files come from a disk or SD card) where the
// next finds them in memory, so the factors are large enough for the way back: cards that read at 20 MB/s
// take five times as long as a warm 4B load, and their longest single file up to 40 s.
struct load_clocks {
    explicit load_clocks(const catalog::service_template& rules)
        : stall(rules.start_stall, rules.start_stall_bounds, {"loads", 1, 8, 5}),
          whole(rules.start_limit, rules.start_limit_bounds, {"loads", 1, 8, 4}) {}

    learned_clock stall;
    learned_clock whole;
};

namespace phase {

// The gate was asked, in starting, waiting or broken.
struct gate_question {
    core::steady_time until;  // without an answer by then it counts as shut
    core::reason cause;       // what led to the start; empty: nothing went wrong
};

// The gate turned the start away, in waiting or broken, and is the only obstacle.
struct gate_pause {
    core::steady_time until;
    core::reason cause;
};

struct stopped {};

// The launcher owes an answer: once its files were looked at, and it is known who has the port.
struct launching {};

// A process on its way to ready. Lateness is our own loop's, by which the clocks are longer.
struct loading {
    load_stage stage = load_stage::socket;
    core::steady_time until;  // whichever clock runs out first
    core::steady_time started;
    core::steady_time progressed;
    core::nanoseconds longest_pause{0};  // between two signs of progress
    core::nanoseconds late_since_progress{0};
    core::nanoseconds late_since_start{0};
};

struct starting {
    std::variant<gate_question, launching, loading> at;
};

struct ready {
    unsigned silent_probes = 0;  // in a row
};

struct quiescing {
    std::vector<catalog::stop_step> ladder;  // what comes next
    core::steady_time until;
};

struct signalled {
    std::vector<catalog::stop_step> ladder;
    std::size_t rung = 0;     // the step that was sent last
    core::steady_time until;  // of its grace
    bool stuck = false;       // outlived SIGKILL
};

struct dead {
    bool stop_had_begun = false;  // what was done to it is the reason for its end, not what its exit says
};

struct stopping {
    after_stop after = after_stop::rest;
    core::milliseconds served{0};  // how long it had been ready
    std::variant<quiescing, signalled, dead> at;
    failure_sort sort = failure_sort::plain;  // of one that counts as a failure
};

struct held_back {};  // until its release

struct backoff {
    core::steady_time until;
};

struct waiting {
    std::variant<held_back, backoff, gate_pause, gate_question> at;
};

// A restart repairs nothing; it is looked at again.
struct slow_retry {
    core::steady_time until;
};

// It failed too often.
struct breaker_open {
    core::steady_time until;
};

struct broken {
    std::variant<slow_retry, breaker_open, gate_pause, gate_question> at;
};

using any = std::variant<stopped, starting, ready, stopping, waiting, broken>;  // as service_state

}  // namespace phase

struct service_machine {
    explicit service_machine(const catalog::restart_rule& rule) : policy(rule) {}

    phase::any now;
    core::steady_time since;
    core::reason reason = core::say("service.at/unstarted");
    std::string advice;

    bool wanted = false;
    std::optional<core::reason> held;  // by a service before it; why

    // What outlives its processes.
    restart_policy policy;
    std::optional<load_clocks> clocks;  // from the first process on
    std::uint64_t turned_away = 0;      // times that its gate shut
    bool ended_badly = false;           // the process before the present one, or the last try

    [[nodiscard]] service_state state() const noexcept { return static_cast<service_state>(now.index()); }
    // From spawned to gone.
    [[nodiscard]] bool alive() const noexcept;
    // The next time at which it needs a timer event.
    [[nodiscard]] std::optional<core::steady_time> wake() const;
    // nullptr: in another state.
    [[nodiscard]] const phase::loading* load() const noexcept;
    [[nodiscard]] bool launching() const noexcept;
    [[nodiscard]] const phase::gate_question* gate_asked() const noexcept;
    [[nodiscard]] bool in_stage(load_stage stage) const noexcept;
    [[nodiscard]] bool breaker_is_open() const noexcept;
    // It was asked to end before it did.
    [[nodiscard]] bool is_being_ended() const noexcept;
};

// What a step may use besides its event.
struct step_input {
    core::steady_time now;
    double jitter = 0.0;        // in [0, 1)
    core::nanoseconds late{0};  // with a timer: how late the loop was since the event before
};

struct transition {
    service_machine next;
    std::optional<service_action> action;
};

// Total: every event has an answer in every state; one that means nothing there changes nothing.
[[nodiscard]] transition step(service_machine from, const service_event& event, const service_plan& plan,
                              const step_input& input);

}  // namespace corral::supervisor
