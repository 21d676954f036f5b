#pragma once
// The body of the warden: what runs in the forked process.

#include <string>

#include <sys/types.h>

namespace corral::process {

// What the daemon tells, one message each over a SOCK_SEQPACKET pair.
struct warden_notice {
    enum class kind : int { watch, forget };
    kind what = kind::watch;
    pid_t group = 0;
};

// Closes every descriptor but `notices`, leaves the daemon's session, waits for the end of `notices`, kills,
// exits.
[[noreturn]] void run_warden(int notices, const std::string& token);

}  // namespace corral::process
