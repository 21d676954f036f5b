#include "configuration_parts.hpp"

#include <charconv>
#include <cstdint>
#include <optional>

#include "corral/catalog/toml_section.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::config {

namespace {

namespace ip = boost::asio::ip;

struct host_and_port {
    std::string_view host;
    std::optional<std::string_view> port;
};

host_and_port split(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close != std::string_view::npos) {
            const auto rest = text.substr(close + 1);
            const bool has_port = rest.starts_with(':');
            return {text.substr(1, close - 1), has_port ? std::optional(rest.substr(1)) : std::nullopt};
        }
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find(':') != colon) {
        return {text, std::nullopt};  // a bare name, or a bare IPv6 address
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

core::result<ip::address> parse_host(std::string_view host) {
    if (host == "localhost") {
        return ip::address(ip::address_v4::loopback());
    }
    boost::system::error_code error;
    const auto address = ip::make_address(std::string(host), error);
    if (error) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.listen-name/neither-localhost", host));
    }
    return address;
}

}  // namespace

core::result<ip::tcp::endpoint> parse_listen(std::string_view text) {
    const auto [host, port] = split(text);
    if (!port || host.empty()) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.not-an-address/address-listen", text));
    }
    const auto number = core::whole_number<std::uint16_t>(*port);
    if (!number) {
        return core::make_failure(core::errc::invalid, core::say("configuration.listen-name/must-end", text));
    }
    const auto address = parse_host(host);
    if (!address) {
        return address.error();
    }
    return ip::tcp::endpoint(*address, *number);
}

core::result<ip::tcp::endpoint> parse_ollama_host(std::string_view text) {
    constexpr std::uint16_t default_port = 11434;
    std::uint16_t port_without = default_port;
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
        const auto name = text.substr(0, scheme);
        port_without = name == "https" ? 443 : name == "http" ? 80 : default_port;
        text.remove_prefix(scheme + 3);
    }
    text = text.substr(0, text.find('/'));
    const auto [host, port] = split(text);
    const auto number = port ? core::whole_number<std::uint16_t>(*port).value_or(default_port) : port_without;
    if (host.empty()) {
        // ":8080" is every interface, while nothing at all is the default address.
        const auto address = port ? ip::address_v4::any() : ip::address_v4::loopback();
        return ip::tcp::endpoint(address, number);
    }
    const auto address = parse_host(host);
    if (!address) {
        return address.error();
    }
    return ip::tcp::endpoint(*address, number);
}

std::optional<core::nanoseconds> parse_keep_alive(std::string_view text) {
    constexpr core::nanoseconds for_ever{-1};
    if (text == "forever") {
        return for_ever;
    }
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    std::optional<core::nanoseconds> span;
    std::int64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (!text.empty() && end == text.data() + text.size() && text.front() != '-') {
        constexpr std::int64_t longest = 1'000'000'000;  // seconds, some thirty years
        span = error != std::errc{} || whole > longest ? for_ever : core::nanoseconds(core::seconds(whole));
    } else if (const auto parsed = catalog::parse_duration(text)) {
        span = *parsed;
    }
    const bool nothing = span && span->count() == 0;
    return span && negative && !nothing ? std::optional(for_ever) : span;
}

}  // namespace corral::config
