#pragma once

#include <string>

namespace corral::sim {

struct listening_socket {
    int handle = -1;  // the caller's; -1: errno says why
    int port = 0;     // the one that was got for port 0
};

// On an IPv4 address or "localhost".
[[nodiscard]] listening_socket listen_on(const std::string& address, int port, int backlog);

}  // namespace corral::sim
