#include "api/door/origin_check.hpp"

#include <algorithm>
#include <array>

#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include "api/add_header.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace ip = boost::asio::ip;

namespace {

constexpr std::array<std::string_view, 17> default_origins{
    "http://localhost", "https://localhost", "http://localhost:*", "https://localhost:*",
    "http://127.0.0.1", "https://127.0.0.1", "http://127.0.0.1:*", "https://127.0.0.1:*",
    "http://0.0.0.0",   "https://0.0.0.0",   "http://0.0.0.0:*",   "https://0.0.0.0:*",
    "app://*",          "file://*",          "tauri://*",          "vscode-webview://*",
    "vscode-file://*"};

constexpr std::string_view allowed_request_headers =
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,"
    "X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,"
    "X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,"
    "X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout";

bool is_private(const ip::address_v4& address) {
    const auto bytes = address.to_bytes();
    return bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xF0) == 16) ||
           (bytes[0] == 192 && bytes[1] == 168);
}

bool is_private(const ip::address& address) {
    if (address.is_v4()) {
        return is_private(address.to_v4());
    }
    const ip::address_v6 six = address.to_v6();
    if (six.is_v4_mapped()) {
        const ip::address_v4 four = ip::make_address_v4(ip::v4_mapped, six);
        return four.is_loopback() || four.is_unspecified() || is_private(four);
    }
    return (six.to_bytes()[0] & 0xFE) == 0xFC;
}

std::vector<ip::address> interface_addresses() {
    std::vector<ip::address> out;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) {
        return out;
    }
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr) {
            continue;
        }
        if (each->ifa_addr->sa_family == AF_INET) {
            const auto* four = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
            out.emplace_back(ip::address_v4(ntohl(four->sin_addr.s_addr)));
        } else if (each->ifa_addr->sa_family == AF_INET6) {
            const auto* six = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
            ip::address_v6::bytes_type bytes;
            std::copy_n(six->sin6_addr.s6_addr, bytes.size(), bytes.begin());
            out.emplace_back(ip::address_v6(bytes));
        }
    }
    freeifaddrs(first);
    return out;
}

bool is_own_name(const machine_identity& machine, std::string_view name) {
    return name.empty() || name == "localhost" || name == machine.hostname ||
           std::ranges::find(machine.names, name) != machine.names.end();
}

bool is_local_name(const machine_identity& machine, std::string_view name) {
    return is_own_name(machine, name) || name.ends_with(".localhost") || name.ends_with(".local") ||
           name.ends_with(".internal");
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) {
        return pattern == text;
    }
    const std::string_view before = pattern.substr(0, star);
    const std::string_view after = pattern.substr(star + 1);
    return text.size() >= before.size() + after.size() && text.starts_with(before) && text.ends_with(after);
}

cors_policy::cors_policy(std::string_view extra_origins) {
    while (!extra_origins.empty()) {
        const auto comma = extra_origins.find(',');
        const std::string_view one = core::trimmed(extra_origins.substr(0, comma));
        extra_origins.remove_prefix(comma == std::string_view::npos ? extra_origins.size() : comma + 1);
        if (one == "*") {
            any_ = true;
        } else if (!one.empty()) {
            allowed_.push_back(core::lower_case(one));
        }
    }
    allowed_.insert(allowed_.end(), default_origins.begin(), default_origins.end());
}

cors_verdict cors_policy::judge(std::string_view origin, std::string_view host) const {
    if (origin.empty() || origin == "http://" + std::string(host) ||
        origin == "https://" + std::string(host)) {
        return cors_verdict::same_origin;
    }
    const std::string wanted = core::lower_case(origin);
    const bool listed = std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& pattern) {
        return matches_pattern(pattern, wanted);
    });
    return any_ || listed ? cors_verdict::allowed : cors_verdict::refused;
}

void cors_policy::add_headers(http::header_fields& fields, std::string_view origin) const {
    const std::string_view shown = any_ ? std::string_view("*") : origin;
    add_header(fields, "Access-Control-Allow-Origin", shown);
    if (!any_) {
        add_header(fields, "Vary", "Origin");
    }
}

void cors_policy::add_preflight_headers(http::header_fields& fields, std::string_view origin) const {
    add_header(fields, "Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS");
    add_header(fields, "Access-Control-Allow-Headers", allowed_request_headers);
    add_header(fields, "Access-Control-Max-Age", "43200");
    add_headers(fields, origin);
    if (!any_) {
        add_header(fields, "Vary", "Access-Control-Request-Method");
        add_header(fields, "Vary", "Access-Control-Request-Headers");
    }
}

machine_identity read_machine_identity() {
    machine_identity out;
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) {
        out.hostname = core::lower_case(name.data());
    }
    out.addresses = interface_addresses();
    return out;
}

std::string host_without_port(std::string_view host_header) {
    std::string_view host = core::trimmed(host_header);
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        if (end == host.size() - 1 || host.substr(std::min(end, host.size())).starts_with("]:")) {
            return core::lower_case(host.substr(1, end - 1));
        }
        return core::lower_case(host);  // neither an address nor a name
    }
    // More than one colon without brackets is a bare IPv6 address.
    const auto colon = host.find(':');
    if (colon != std::string_view::npos && host.find(':', colon + 1) == std::string_view::npos) {
        host = host.substr(0, colon);
    }
    return core::lower_case(host);
}

host_verdict judge_host(const machine_identity& machine, std::string_view host_header) {
    const std::string host = host_without_port(host_header);
    boost::system::error_code not_an_address;
    const ip::address address = ip::make_address(host, not_an_address);
    if (not_an_address) {
        return is_local_name(machine, host) ? host_verdict::allowed_name : host_verdict::refused;
    }
    const bool own =
        std::find(machine.addresses.begin(), machine.addresses.end(), address) != machine.addresses.end();
    const bool allowed = address.is_loopback() || address.is_unspecified() || is_private(address) || own;
    return allowed ? host_verdict::allowed_address : host_verdict::refused;
}

bool names_this_machine(const machine_identity& machine, std::string_view host_header) {
    return judge_host(machine, host_header) == host_verdict::allowed_address ||
           is_own_name(machine, host_without_port(host_header));
}

}  // namespace corral::api
