#pragma once
// Which user of this machine is at the other end of a connection: every user has loopback, so that an address of it
// proves nothing.

#include <memory>
#include <optional>
#include <string>

#include "corral/api/wire_format.hpp"
#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/time.hpp"

namespace corral::daemon {

class local_users : public std::enable_shared_from_this<local_users> {
public:
    explicit local_users(const core::clock_source& clock) : clock_(clock) {}

    // Corral's own user, root and members of `group` operate; empty: there is none. Nothing where the other end is
    // closed by now, or has no known user.
    [[nodiscard]] core::awaitable<std::optional<api::local_user>> at(int socket, std::string group);

private:
    const core::clock_source& clock_;
    core::disk_work worker_;  // last: its end waits for what uses the others
};

}  // namespace corral::daemon
