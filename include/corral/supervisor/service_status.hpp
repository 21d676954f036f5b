#pragma once
// How a service is, and what happened to it, for people and for the modules above.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"

namespace corral::supervisor {

// How a service is, for people and for the modules above.
enum class service_state { stopped, starting, ready, stopping, waiting, broken };
[[nodiscard]] const char* to_string(service_state state) noexcept;
// Both as one text for people, whether or not `reason` ends its sentence; `advice` may be empty.
[[nodiscard]] core::reason with_advice(const core::reason& reason, const std::string& advice);

// Why a process of a service ends although the service is wanted. What follows from each: restart_policy.hpp.
enum class restart_reason {
    asked,         // by a person
    cancel,        // Corral's way to be rid of an unwanted answer
    dependency,    // a service before it went
    hang,          // its clocks ran out, or it is beyond talking to
    crash,         // it ended by itself
    failed_start,  // it did not become ready
    intruder,      // its port is not its own
};
inline constexpr int restart_reasons = static_cast<int>(restart_reason::intruder) + 1;
[[nodiscard]] const char* to_string(restart_reason why) noexcept;

struct service_status {
    std::string name;
    service_state state = service_state::stopped;
    core::steady_time since;                    // of the state
    core::reason reason;                        // why it is in this state
    std::string advice;                         // what a person can do; may be empty
    pid_t pid = 0;                              // 0: no process
    std::uint64_t starts = 0;                   // processes started so far
    std::optional<double> progress;             // of a load, 0..1
    std::optional<core::seconds> left;          // of a load, from its progress and the loads before
    std::optional<core::steady_time> next_try;  // in waiting and broken
    std::string warning;                        // e.g. "listens on every interface"; may be empty
    std::uint16_t fixed_port =
        0;                  // compiled into its program, out of the guard's reach; 0: none, as far as known
    core::reason last_end;  // why its last process ended or was ended, as far as known; empty: none has
    std::optional<restart_reason> last_loss{};  // the same, of one that was wanted
    // The service whose doing the end of its last process may be, as the profile says of its status or its lines; empty:
    // its own, or of none; nothing: nothing is known of it.
    std::optional<std::string> last_blamed{};
    bool killed_from_outside = false;  // its last process: by a signal, for want of memory, or with others
    std::uint64_t outside_faults =
        0;  // times that something outside of it kept it from starting, or killed many
    std::optional<core::nanoseconds> usual_load{};  // what its last load took
};

// What happened to the services of a group, step by step; the last of it is kept for whoever asks why.

// What went wrong without anybody having asked for it.
enum class trouble {
    none,          // asked for, or in good order, or the consequence of another service's trouble
    crash,         // a ready service ended by itself
    hang,          // Corral ended a ready service, because it did not behave
    failed_start,  // it did not become ready, or can't be started
    intruder,      // something else than the service has its port
    breaker,       // it failed too often and is given a rest
};
// "crash", "hang", "failed-start", "intruder", "breaker"; "none".
[[nodiscard]] const char* to_string(trouble what) noexcept;

struct transition_record {
    std::uint64_t number = 0;                    // counts the group's records from 1
    std::chrono::system_clock::time_point time;  // for people; `at` is the truth about what came first
    core::steady_time at;
    std::string service;
    service_state from{};
    service_state to{};  // the same as `from`: a remark, or a start that failed and is tried again
    std::string event;   // what made it move: a word of the service machine
    core::reason reason;
    std::string advice;  // what a person can do; may be empty
    pid_t pid = 0;       // the process it is about; 0: none
    trouble failure = trouble::none;
    std::optional<int> exit_status;  // of the process that ended: its code, or 128 + signal
};

}  // namespace corral::supervisor
