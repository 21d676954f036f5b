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
    bool loopback = false;     // bound to an address of it, or to its interface
    pid_t owner = 0;           // 0: /proc does not tell (another user's process)
    std::string program;       // of the owner, "" when unknown
};

// Every socket that listens on `port`, IPv4 and IPv6; one row for each owner.
[[nodiscard]] std::vector<listening_socket> listeners_on(std::uint16_t port);

// Every socket of `ancestor` and its descendants that listens where loopback alone does not lead; one row for
// each owner. Cheap where nothing on the machine listens so.
[[nodiscard]] std::vector<listening_socket> listeners_beyond_loopback(pid_t ancestor);

// True when `pid` is `ancestor` or descends from it, or belongs to process group `ancestor`.
[[nodiscard]] bool descends_from(pid_t pid, pid_t ancestor);

}  // namespace corral::process
