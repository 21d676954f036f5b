#pragma once
// Our own program as a child: a command of it that works for a client beside the loop.

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/process/exit_reason.hpp"
#include "corral/process/warden.hpp"

namespace corral::daemon {

struct own_command {
    std::vector<std::string> words;  // the program first
    core::milliseconds silence{};    // so long without a line of output, and it is ended
    core::milliseconds grace{};      // between SIGTERM and SIGKILL
    std::function<bool()> wanted;    // false: it is to end; looked at when `changed` rings
    std::function<void(std::string_view line)> on_line;     // of standard output, cut at 4096 bytes
    std::function<void(std::string_view bytes)> on_output;  // in its place: all of it, as it comes
};

struct own_command_end {
    std::optional<core::failure> never_ran;
    process::exit_reason how = process::lost_track{};
    bool silent = false;     // it was ended for its silence
    std::string last_error;  // line of standard error
    [[nodiscard]] bool well() const noexcept;
};

// PATH and the like, and what a download needs of ours: proxies, certificates, the hub's address and token.
[[nodiscard]] std::map<std::string, std::string> environment_for_own_command();

// Runs `what` to its end. Cancelled, it kills all of it at once. REQUIRES: called on the one permanent thread;
// `guard` and `changed` outlive it.
[[nodiscard]] core::awaitable<own_command_end> run_own_command(own_command command, process::warden& guard,
                                                               const core::clock_source& clock,
                                                               core::wake_signal& changed);

}  // namespace corral::daemon
