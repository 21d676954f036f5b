#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "corral/core/say.hpp"
#include "corral/core/server_url.hpp"
#include "corral/http/client.hpp"

namespace corral::http {

namespace {

core::failure bad_url(std::string_view url, core::known_wording<std::string> what) {
    return core::make_failure(core::errc::invalid, core::say(what, std::string(url)));
}

core::known_wording<std::string> wording_of(core::url_fault fault) {
    switch (fault) {
        case core::url_fault::scheme:
        case core::url_fault::tls:
            return "configuration.bad-form/url-scheme";
        case core::url_fault::more:
            return "configuration.bad-form/url-more";
        case core::url_fault::port:
            return "configuration.bad-form/url-port";
        case core::url_fault::host:
            break;
    }
    return "configuration.bad-form/url-host";
}

}  // namespace

core::result<core::asio::ip::tcp::endpoint> parse_http_url(std::string_view url) {
    const auto read = core::parse_server_url(url);
    if (const auto* const fault = std::get_if<core::url_fault>(&read)) {
        return bad_url(url, wording_of(*fault));
    }
    const auto& [host, port, tls] = std::get<core::server_url>(read);
    if (!port) {
        return bad_url(url, "configuration.bad-form/url-no-port");
    }
    core::error_code error;
    const auto address = core::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    if (error) {
        return bad_url(url, wording_of(core::url_fault::host));
    }
    return core::asio::ip::tcp::endpoint(address, *port);
}

}  // namespace corral::http
