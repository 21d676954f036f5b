#include <charconv>
#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "corral/http/client.hpp"

namespace corral::http {

namespace {

core::failure bad_url(std::string_view url, const char* reason) {
    return core::make_failure(core::errc::invalid, "\"" + std::string(url) + "\" " + reason);
}

}  // namespace

core::result<core::asio::ip::tcp::endpoint> parse_http_url(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) {
        return bad_url(url, "must begin with http://");
    }
    std::string_view rest = url.substr(scheme.size());
    if (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    if (rest.find_first_of("/?#@") != std::string_view::npos) {
        return bad_url(url, "must be only http://ADDRESS:PORT");
    }
    const std::size_t colon = rest.rfind(':');
    const bool inside_brackets = rest.ends_with(']');
    if (colon == std::string_view::npos || inside_brackets) {
        return bad_url(url, "must name a port");
    }
    const std::string_view digits = rest.substr(colon + 1);
    unsigned port = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || port == 0 ||
        port > 65535) {
        return bad_url(url, "must name a port from 1 to 65535");
    }
    std::string_view host = rest.substr(0, colon);
    core::error_code error;
    core::asio::ip::address address;
    if (host.starts_with('[') && host.ends_with(']')) {
        address = core::asio::ip::make_address_v6(std::string(host.substr(1, host.size() - 2)), error);
    } else {
        address =
            core::asio::ip::make_address_v4(host == "localhost" ? "127.0.0.1" : std::string(host), error);
    }
    if (error) {
        return bad_url(url, "must name an IP address or localhost");
    }
    return core::asio::ip::tcp::endpoint(address, static_cast<std::uint16_t>(port));
}

}  // namespace corral::http
