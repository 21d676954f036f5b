#include "catalog/profile_parts.hpp"

#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace corral::catalog {

service_url parse_service_url(std::string_view text) {
    const auto bad = [&](const char* why) {
        return service_url{"\"" + std::string(text) + "\" is not a service's address: " + why, 0};
    };
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) {
        return bad("it must begin with http://");
    }
    const std::string_view authority = text.substr(scheme.size());
    if (authority.find('/') != std::string_view::npos) {
        return bad("it must end after the port, without '/'");
    }
    const auto colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) {
        return bad("it must name a port, such as http://127.0.0.1:{port}");
    }
    std::string_view host = authority.substr(0, colon);
    const std::string_view port = authority.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    boost::system::error_code error;
    const bool open = host.find('{') != std::string_view::npos;  // decided by a variable
    if (!open && host != "localhost") {
        const auto address = boost::asio::ip::make_address(std::string(host), error);
        // Whether a port is a service's own is only judged for what loopback reaches.
        if (error || !address.is_loopback()) {
            return bad("its host must be 'localhost' or a loopback address such as 127.0.0.1");
        }
    }
    if (port.starts_with('{')) {
        return {};
    }
    service_url out;
    const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (wrong != std::errc{} || end != port.data() + port.size() || out.port == 0) {
        return bad("its port must be {port} or a number from 1 to 65535");
    }
    return out;
}

}  // namespace corral::catalog
