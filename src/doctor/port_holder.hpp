#pragma once
// Who has a port, and how he is made to give it back.

#include <cstdint>
#include <optional>
#include <string>

#include "corral/doctor/doctor.hpp"

namespace corral::doctor {

struct port_holder {
    pid_t pid = 0;    // 0: of another user
    std::string who;  // "python3 (pid 1234)"
    std::string fix;  // the command that stops it
    bool corral = false;
};

// A listener of a foreign process that is in the way of one at `port`; of those on every interface or loopback,
// and with `any_address` of all.
[[nodiscard]] std::optional<port_holder> holder_of(const surroundings& around, std::uint16_t port,
                                                   bool any_address);

}  // namespace corral::doctor
