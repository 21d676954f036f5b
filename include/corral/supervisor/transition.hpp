#pragma once
// What happened to the services of a group, step by step; the last of it is kept for whoever asks why.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "corral/core/time.hpp"
#include "corral/supervisor/service_status.hpp"

namespace corral::supervisor {

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
