#pragma once
// How a child ended; exactly one of these is true.

#include <string>
#include <variant>

#include "corral/core/result.hpp"

namespace corral::process {

struct exited_with {
    int code = 0;
};
struct killed_by {
    int signal = 0;
    bool core_dumped = false;
};
// The status was reaped elsewhere or can't be read: never guessed.
struct lost_track {
    core::error_code why;
};
using exit_reason = std::variant<exited_with, killed_by, lost_track>;

// "exit status 255", "killed by SIGSEGV (core dumped)".
[[nodiscard]] core::reason describe(const exit_reason& how);

}  // namespace corral::process
