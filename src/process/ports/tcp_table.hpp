#pragma once
// Rows of /proc/net/tcp and tcp6.

#include <cstdint>
#include <optional>
#include <string_view>

namespace corral::process {

struct tcp_listener_row {
    std::uint16_t port = 0;
    bool any_address = false;
    bool loopback = false;
    std::uint64_t inode = 0;
};

// nullopt for headings, sockets in another state than LISTEN, and lines that can't be read.
[[nodiscard]] std::optional<tcp_listener_row> parse_tcp_listener(std::string_view line);

}  // namespace corral::process
