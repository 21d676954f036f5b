#pragma once
// Ports for services that are started later, and again and again: promised now, bound by somebody else then.

#include <cstdint>
#include <utility>

#include "corral/core/owned_fd.hpp"
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

// A port that is promised to one service, against every other Corral of this network namespace too: while its
// service is down it has no listener, so only a sign beside it can say that it is taken. Move-only; its end
// gives the port back. Other programs may take it all the same, so whoever starts the service looks again.
class service_port {
public:
    // One without a listener now, at any IPv4 address, and that is not promised.
    [[nodiscard]] static core::result<service_port> promise(core::random_source& random);
    // One that a running service has. Where another promise has it, the service has it all the same.
    [[nodiscard]] static service_port keep(std::uint16_t number);

    [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

private:
    service_port(std::uint16_t number, core::owned_fd sign) noexcept
        : number_(number), sign_(std::move(sign)) {}
    std::uint16_t number_ = 0;
    core::owned_fd sign_;  // a socket that is bound to the port's name
};

}  // namespace corral::process
