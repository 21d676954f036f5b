#pragma once
// Ports for services that are started later, and again and again: promised now, bound by somebody else then.

#include <cstdint>

#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"

namespace corral::process {

// Inclusive.
struct port_range {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    bool operator==(const port_range&) const = default;
};

// Where the kernel takes none from by itself, for a listener without a wish or as the local end of a
// connection: a port from there would be gone just when its service comes back. `ephemeral` is
// net.ipv4.ip_local_port_range. Where that leaves little room, every port that needs no privilege.
[[nodiscard]] port_range quiet_ports(port_range ephemeral) noexcept;

// A port that nobody listens on now, at any IPv4 address, and that this process has not promised before.
// Other processes may take it all the same, so whoever starts the service looks again.
[[nodiscard]] core::result<std::uint16_t> promise_service_port(core::random_source& random);

}  // namespace corral::process
