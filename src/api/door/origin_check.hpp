#pragma once
// Which web pages may talk to this server (docs/facts/ollama_wire.md#hosts-and-origins).

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "corral/http/message.hpp"

namespace corral::api {

enum class cors_verdict {
    same_origin,  // nothing to add
    allowed,
    refused,
};

class cors_policy {
public:
    // `extra_origins`: comma separated, before the default list; a pattern may hold one '*'; "*" alone allows
    // all.
    explicit cors_policy(std::string_view extra_origins);

    [[nodiscard]] cors_verdict judge(std::string_view origin, std::string_view host) const;
    // For an answer to an allowed origin.
    void add_headers(http::header_fields& fields, std::string_view origin) const;
    // For the answer to its preflight, 204.
    void add_preflight_headers(http::header_fields& fields, std::string_view origin) const;

private:
    std::vector<std::string> allowed_;  // lower case
    bool any_ = false;
};

// True when the two are equal, or `pattern` has one '*' and the text begins and ends with what is around it.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

// Protection against DNS rebinding: on loopback only requests that name this machine are served
// (docs/facts/ollama_wire.md#hosts-and-origins).

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
