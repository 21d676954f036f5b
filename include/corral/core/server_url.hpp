#pragma once
// Where a server is, as people and profiles write it: "http://HOST", "http://HOST:PORT". Read by Boost.URL.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

namespace corral::core {

struct server_url {
    std::string host;                   // a name, or an IP literal without brackets; never empty
    std::optional<std::uint16_t> port;  // from 1 on; nothing: none is said
    bool tls = false;                   // https
    // As it stands in a URL: IPv6 literals in brackets.
    [[nodiscard]] std::string host_text() const;
};

enum class url_fault {
    scheme,  // neither http nor https
    tls,     // https
    more,    // a user, a path but '/', a query or a fragment
    host,    // none, or none that can be looked up
    port,    // not from 1 to 65535
};

enum class url_schemes { http, http_and_https };

// `text` is foreign: nothing of it is taken on trust.
[[nodiscard]] std::variant<server_url, url_fault> parse_server_url(std::string_view text,
                                                                   url_schemes allowed = url_schemes::http);

// 127.0.0.1 and ::1 where `host` is "localhost" or a name below it, else none: no resolver may be asked for these (RFC 6761,
// 6.3). A small container has no /etc/hosts, and its DNS is not to say who this machine is.
[[nodiscard]] std::vector<boost::asio::ip::tcp::endpoint> own_endpoints(std::string_view host,
                                                                        std::uint16_t port);

}  // namespace corral::core
