#include "corral/core/server_url.hpp"

#include <algorithm>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "corral/core/text.hpp"

namespace corral::core {

namespace {

constexpr std::size_t longest_host = 253;  // of a name in the DNS

// What a resolver is asked for, so that no URL smuggles anything else into it.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_host && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_';
    });
}

std::string host_of(const boost::urls::url_view& url) {
    switch (url.host_type()) {
        case boost::urls::host_type::ipv4:
        case boost::urls::host_type::ipv6:
            return url.host_address();
        case boost::urls::host_type::name:
            return is_name(url.encoded_host()) ? url.host() : std::string();
        default:
            return {};
    }
}

}  // namespace

std::string server_url::host_text() const {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::variant<server_url, url_fault> parse_server_url(std::string_view text, url_schemes allowed) {
    const bool tls = text.starts_with("https://");
    if (tls && allowed != url_schemes::http_and_https) {
        return url_fault::tls;
    }
    if (!tls && !text.starts_with("http://")) {
        return url_fault::scheme;
    }
    const auto url = boost::urls::parse_uri({text.data(), text.size()});
    if (!url) {
        // A port may be anything for the grammar before it is none.
        const std::string_view rest = text.substr(text.find("//") + 2);
        const std::size_t behind = rest.find(rest.starts_with('[') ? "]:" : ":");
        return behind == std::string_view::npos ? url_fault::host : url_fault::port;
    }
    const std::string_view path(url->encoded_path().data(), url->encoded_path().size());
    if (!path.empty() && !path.starts_with('/')) {
        return url_fault::port;  // its digits end before the text does, which Boost 1.81 takes for a path
    }
    const bool has_path = !path.empty() && path != "/";
    if (url->has_userinfo() || has_path || url->has_query() || url->has_fragment()) {
        return url_fault::more;
    }
    server_url out{host_of(*url), std::nullopt, tls};
    if (out.host.empty()) {
        return url_fault::host;
    }
    if (url->has_port()) {
        out.port = whole_number<std::uint16_t>(std::string_view(url->port().data(), url->port().size()));
        if (out.port.value_or(0) == 0) {
            return url_fault::port;
        }
    }
    return out;
}

std::vector<boost::asio::ip::tcp::endpoint> own_endpoints(std::string_view host, std::uint16_t port) {
    const std::string name = lower_case(host);
    if (name != "localhost" && !name.ends_with(".localhost")) {
        return {};
    }
    return {{boost::asio::ip::address_v4::loopback(), port}, {boost::asio::ip::address_v6::loopback(), port}};
}

}  // namespace corral::core
