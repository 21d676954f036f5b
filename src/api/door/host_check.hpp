#pragma once
// Protection against DNS rebinding: on loopback only requests that name this machine are served
// (docs/facts/ollama_wire.md#hosts-and-origins).

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

namespace corral::api {

// What this machine is called and where it can be reached.
struct machine_identity {
    std::string hostname;            // lower case
    std::vector<std::string> names;  // others that its operator has given it, lower case
    std::vector<boost::asio::ip::address> addresses;
};

// As the system tells it now; what can't be read is left empty.
[[nodiscard]] machine_identity read_machine_identity();

// "localhost:11434" -> "localhost", "[::1]:80" -> "::1"; lower case.
[[nodiscard]] std::string host_without_port(std::string_view host_header);

enum class host_verdict { allowed_name, allowed_address, refused };

[[nodiscard]] host_verdict judge_host(const machine_identity& machine, std::string_view host_header);

// Addresses, "localhost" and the names of this machine alone: whoever answers for other local names, in mDNS or in a
// network's own zone, could lead a browser here.
[[nodiscard]] bool names_this_machine(const machine_identity& machine, std::string_view host_header);

}  // namespace corral::api
