#pragma once
// The kernel's own list of listening TCP sockets. /proc/net/tcp makes it walk every connection of the
// machine, tens of milliseconds on a busy one; a sock_diag question for listeners alone costs microseconds
// (sock_diag(7)).

#include <optional>
#include <vector>

#include "process/ports/tcp_table.hpp"

namespace corral::process {

// IPv4 and IPv6; nothing when the kernel does not answer the question, for instance inside a narrow sandbox.
[[nodiscard]] std::optional<std::vector<tcp_listener_row>> dump_tcp_listeners();

}  // namespace corral::process
