#include "catalog/profile_parts.hpp"

#include <boost/asio/ip/address.hpp>

#include "corral/core/say.hpp"
#include "corral/core/server_url.hpp"

namespace corral::catalog {

namespace {

// With a stand-in for a placeholder where a URL can't have one. A host that a variable decides is judged once it has a value.
std::string with_stand_ins(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        out += text.substr(0, open);
        const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) {
            out += open == std::string_view::npos ? std::string_view{} : text.substr(open);
            break;
        }
        out += out.ends_with("//") ? "localhost" : "1";
        text.remove_prefix(close + 1);
    }
    return out;
}

core::reason problem_of(core::url_fault fault, std::string_view url) {
    switch (fault) {
        case core::url_fault::scheme:
        case core::url_fault::tls:
            return core::say("configuration.bad-form/service-scheme", url);
        case core::url_fault::more:
            return core::say("configuration.bad-form/service-more", url);
        case core::url_fault::port:
            return core::say("configuration.bad-form/service-port", url);
        case core::url_fault::host:
            break;
    }
    return core::say("configuration.bad-form/service-host", url);
}

bool is_loopback(const std::string& host) {
    boost::system::error_code error;
    // Whether a port is a service's own is only judged for what loopback reaches.
    return host == "localhost" || boost::asio::ip::make_address(host, error).is_loopback();
}

}  // namespace

service_url parse_service_url(std::string_view text) {
    const auto read = core::parse_server_url(with_stand_ins(text));
    if (const auto* const fault = std::get_if<core::url_fault>(&read)) {
        return {problem_of(*fault, text)};
    }
    const auto& url = std::get<core::server_url>(read);
    if (text.ends_with('/')) {
        return {problem_of(core::url_fault::more, text)};
    }
    if (!is_loopback(url.host)) {
        return {problem_of(core::url_fault::host, text)};
    }
    if (!url.port) {
        return {core::say("configuration.bad-form/service-no-port", text)};
    }
    return {{}, text.ends_with('}') ? std::uint16_t{0} : *url.port};
}

}  // namespace corral::catalog
