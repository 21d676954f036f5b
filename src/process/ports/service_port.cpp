#include "corral/process/service_port.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "corral/core/say.hpp"

namespace corral::process {

namespace {

constexpr std::uint16_t first_unprivileged = 1024;
constexpr std::uint16_t last_port = 65535;
// Below are the well-known ports of more programs than anybody can list.
constexpr std::uint16_t first_wanted = 20'000;
constexpr unsigned enough = 1000;
constexpr unsigned most_tries = 4096;

port_range ephemeral_ports() {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    port_range out;
    if (!(file >> out.first >> out.last) || out.first > out.last) {
        return {32'768, 60'999};  // the kernel's own default
    }
    return out;
}

// 0, or why not.
int bind_once(std::uint16_t port) {
    const core::owned_fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe.valid()) {
        return errno;
    }
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
}

// A socket with an abstract name: those are one to a network namespace, as ports are, and end with whoever
// holds them. EADDRINUSE: the port is promised.
core::result<core::owned_fd> put_up_sign(std::uint16_t port) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string text = "corral-service-port-" + std::to_string(port);
    std::copy(text.begin(), text.end(), name.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    core::owned_fd sign(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!sign.valid()) {
        return core::errno_failure(errno, {});
    }
    if (::bind(sign.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) {
        return core::errno_failure(errno, {});
    }
    return sign;
}

}  // namespace

port_range quiet_ports(port_range ephemeral) noexcept {
    if (ephemeral.first >= first_wanted + enough) {
        return {first_wanted, static_cast<std::uint16_t>(ephemeral.first - 1)};
    }
    if (last_port - ephemeral.last >= static_cast<int>(enough)) {
        return {static_cast<std::uint16_t>(ephemeral.last + 1), last_port};
    }
    return {first_unprivileged, last_port};
}

core::result<service_port> service_port::promise(core::random_source& random) {
    const port_range from = quiet_ports(ephemeral_ports());
    const unsigned count = from.last - from.first + 1U;
    const auto start = static_cast<unsigned>(random.next() % count);
    int failed = EADDRINUSE;
    for (unsigned i = 0; i < most_tries && i < count; ++i) {
        const auto number = static_cast<std::uint16_t>(from.first + (start + i) % count);
        auto sign = put_up_sign(number);
        failed = sign ? 0 : sign.error().code.value();
        if (sign) {
            service_port promised(number, std::move(*sign));
            failed = bind_once(number);
            if (failed == 0) {
                return promised;
            }
        }
        if (failed != EADDRINUSE && failed != EACCES) {
            break;
        }
    }
    return core::errno_failure(failed, core::say("runtime.places/free-port", from.first, from.last));
}

service_port service_port::keep(std::uint16_t number) {
    auto sign = put_up_sign(number);
    return {number, sign ? std::move(*sign) : core::owned_fd()};
}

}  // namespace corral::process
