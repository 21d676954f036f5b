#pragma once
// Who may talk to the tap: the processes of its runtime and no others, proved once for each connection before
// a byte of it is read. An address of loopback proves nothing, for any user of the box has it, and a page in a
// browser too.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"
#include "corral/process/connection_owner.hpp"

namespace corral::engine::ax_poll {

class tap_peers : public std::enable_shared_from_this<tap_peers> {
public:
    // To be made by std::make_shared. `of`: for the log.
    tap_peers(const core::clock_source& clock, std::string of) : clock_(clock), of_(std::move(of)) {}

    // Leaders of the process groups of the runtime, asked at each connection; 0 where none runs. Until this is called
    // none may.
    using leaders = std::function<std::vector<pid_t>()>;
    void allow(leaders who) { leaders_ = std::move(who); }

    // For http::server::admit_with().
    [[nodiscard]] core::awaitable<bool> admits(int socket);
    // Counts one that is refused for what it asks.
    void note_refusal(const core::reason& what);

    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    const core::clock_source& clock_;
    std::string of_;
    leaders leaders_;
    process::peer_judge judge_;  // the worker's
    std::uint64_t refused_ = 0;
    std::uint64_t logged_ = 0;  // of them, at the last line in the log
    core::steady_time tell_again_{};
    core::disk_work worker_;  // last: its end waits for what uses the others
};

}  // namespace corral::engine::ax_poll
