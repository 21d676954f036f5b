#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "corral/core/server_url.hpp"
#include "corral/http/client.hpp"

namespace corral::http {

namespace {

core::failure bad_url(std::string_view url, const char* reason) {
    return core::make_failure(core::errc::invalid, "\"" + std::string(url) + "\" " + reason);
}

const char* reason_of(core::url_fault fault) {
    switch (fault) {
        case core::url_fault::scheme:
        case core::url_fault::tls:
            return "must begin with http://";
        case core::url_fault::more:
            return "must be only http://ADDRESS:PORT";
        case core::url_fault::port:
            return "must name a port from 1 to 65535";
        case core::url_fault::host:
            break;
    }
    return "must name an IP address or localhost";
}

}  // namespace

core::result<core::asio::ip::tcp::endpoint> parse_http_url(std::string_view url) {
    const auto read = core::parse_server_url(url);
    if (const auto* const fault = std::get_if<core::url_fault>(&read)) {
        return bad_url(url, reason_of(*fault));
    }
    const auto& [host, port, tls] = std::get<core::server_url>(read);
    if (!port) {
        return bad_url(url, "must name a port");
    }
    core::error_code error;
    const auto address = core::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    if (error) {
        return bad_url(url, reason_of(core::url_fault::host));
    }
    return core::asio::ip::tcp::endpoint(address, *port);
}

}  // namespace corral::http
