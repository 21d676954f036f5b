#pragma once
// Who listens on a TCP port, by /proc: a port that answers is proof of nothing if another process holds it.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace corral::process {

struct listening_socket {
    std::uint16_t port = 0;
    bool any_address = false;  // 0.0.0.0 or ::
    bool loopback = false;
    pid_t owner = 0;      // 0: /proc does not tell (another user's process)
    std::string program;  // of the owner, "" when unknown
};

// Every socket that listens on `port`, IPv4 and IPv6; one row for each owner.
[[nodiscard]] std::vector<listening_socket> listeners_on(std::uint16_t port);

// True when `pid` is `ancestor` or descends from it, or belongs to process group `ancestor`.
[[nodiscard]] bool descends_from(pid_t pid, pid_t ancestor);

}  // namespace corral::process
