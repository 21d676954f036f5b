#include "pull/redirect_policy.hpp"

#include <algorithm>

#include <netinet/in.h>
#include <sys/socket.h>
#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;
using core::errc;
using core::make_failure;

struct network {
    std::uint32_t begin;
    unsigned bits;
    reach kind;
};

// Special blocks of IPv4 (RFC 6890).
constexpr network blocks[] = {
    {0x00000000, 8, reach::nowhere},  // this network
    {0x0A000000, 8, reach::inside},   // 10/8
    {0x64400000, 10, reach::inside},  // 100.64/10, of providers
    {0x7F000000, 8, reach::inside},   // loopback
    {0xA9FE0000, 16, reach::inside},  // link
    {0xAC100000, 12, reach::inside},  // 172.16/12
    {0xC0000000, 24, reach::inside},  // 192.0.0/24
    {0xC0A80000, 16, reach::inside},  // 192.168/16
    {0xC6120000, 15, reach::inside},  // benchmarks
    {0xE0000000, 3, reach::nowhere},  // multicast, reserved, broadcast
};

reach reach_of_v4(std::uint32_t value) noexcept {
    for (const network& one : blocks) {
        if ((value ^ one.begin) >> (32U - one.bits) == 0) {
            return one.kind;
        }
    }
    return reach::open;
}

reach reach_of_v6(const address_v6::bytes_type& bytes) noexcept {
    const auto v4_at = [&](std::size_t at) {
        return (std::uint32_t{bytes[at]} << 24U) | (std::uint32_t{bytes[at + 1]} << 16U) |
               (std::uint32_t{bytes[at + 2]} << 8U) | std::uint32_t{bytes[at + 3]};
    };
    const auto zeros = [&](std::size_t count) {
        return std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count),
                           [](unsigned char each) { return each == 0; });
    };
    constexpr std::size_t mapped = 12;  // where the IPv4 address of ::ffff:a.b.c.d begins
    if (zeros(10) && bytes[10] == 0xFF && bytes[11] == 0xFF) {
        return reach_of_v4(v4_at(mapped));
    }
    if (zeros(mapped)) {
        return zeros(15) && bytes[15] == 1 ? reach::inside
                                           : reach::nowhere;  // ::1; ::, and IPv4 in its old form
    }
    if (bytes[0] == 0x00 && bytes[1] == 0x64 && bytes[2] == 0xFF && bytes[3] == 0x9B) {
        return reach_of_v4(v4_at(mapped));  // NAT64
    }
    if (bytes[0] == 0x20 && bytes[1] == 0x02) {
        return reach_of_v4(v4_at(2));  // 6to4
    }
    if ((bytes[0] & 0xFEU) == 0xFC || (bytes[0] == 0xFE && (bytes[1] & 0x80U) == 0x80)) {
        return reach::inside;  // unique local; link and site
    }
    return (bytes[0] & 0xE0U) == 0x20 ? reach::open : reach::nowhere;  // 2000::/3 is all that is given out
}

bool is_loopback(const std::string& host) {
    if (host == "localhost") {
        return true;
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    return !error && address.is_loopback();
}

}  // namespace

core::result<url_parts> parse_url(std::string_view text) {
    constexpr std::size_t longest = 16 * 1024;  // signed addresses of storage hosts are long
    const auto bad = [] { return make_failure(errc::invalid, core::say("pull.name")); };
    if (text.size() > longest) {
        return bad();
    }
    const auto read = boost::urls::parse_uri(text);
    if (!read || (read->scheme() != "https" && read->scheme() != "http") || read->has_userinfo()) {
        return bad();
    }
    url_parts out;
    out.scheme = std::string_view(read->scheme().data(), read->scheme().size());
    out.host = core::lower_case(read->host_address());
    constexpr std::uint16_t usual_tls = 443;
    constexpr std::uint16_t usual_plain = 80;
    out.port = out.scheme == "https" ? usual_tls : usual_plain;
    if (read->has_port() && !read->port().empty()) {
        const std::string_view port(read->port().data(), read->port().size());
        out.port = core::whole_number<std::uint16_t>(port).value_or(0);
    }
    if (out.host.empty() || out.port == 0) {
        return bad();
    }
    return out;
}

core::result<void> judge_redirect(const url_parts& source, const url_parts& to, unsigned hops) {
    if (hops > most_redirects) {
        return make_failure(errc::refused,
                            core::say("pull.led-elsewhere/sends-from", source.host, most_redirects));
    }
    const bool plain_source = source.scheme == "http" || is_loopback(source.host);
    if (to.scheme != "https" && !plain_source) {
        return make_failure(errc::refused,
                            core::say("pull.led-elsewhere/sends-without", source.host, to.host));
    }
    return {};
}

reach reach_of_host(const std::string& host) noexcept {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    if (error) {
        return host == "localhost" || host.ends_with(".localhost") ? reach::inside : reach::open;
    }
    return address.is_v4() ? reach_of_v4(address.to_v4().to_uint()) : reach_of_v6(address.to_v6().to_bytes());
}

reach reach_of(const ::sockaddr* address) noexcept {
    if (address->sa_family == AF_INET) {
        // The kernel's way to hand addresses over.
        const auto* const v4 = reinterpret_cast<const ::sockaddr_in*>(address);  // NOLINT
        return reach_of_v4(ntohl(v4->sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        const auto* const v6 = reinterpret_cast<const ::sockaddr_in6*>(address);  // NOLINT
        address_v6::bytes_type bytes{};
        std::copy(std::begin(v6->sin6_addr.s6_addr), std::end(v6->sin6_addr.s6_addr), bytes.begin());
        return reach_of_v6(bytes);
    }
    return reach::nowhere;
}

bool may_connect(reach to, bool first, reach source_reach) noexcept {
    if (to == reach::nowhere) {
        return false;
    }
    return first || to == reach::open || source_reach == reach::inside;
}

}  // namespace corral::pull
