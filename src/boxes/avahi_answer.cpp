#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "boxes/host_name.hpp"
#include "corral/boxes/discovery.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

// Of a line: "=;eth0;IPv4;Corral\032on\032one;_corral._tcp;local;one.local;192.0.2.21;11434;...". Names have their
// separators escaped, and are not read.
constexpr std::size_t host_field = 6;
constexpr std::size_t address_field = 7;
constexpr std::size_t port_field = 8;

// An address that the edge can reach without saying by which interface; empty: none.
std::string reachable(std::string_view text) {
    boost::system::error_code wrong;
    const auto parsed = boost::asio::ip::make_address(std::string(text), wrong);
    if (wrong || parsed.is_unspecified() || parsed.is_loopback() || parsed.is_multicast() ||
        (parsed.is_v6() && parsed.to_v6().is_link_local())) {
        return {};
    }
    return parsed.to_string();
}

}  // namespace

found_hosts read_avahi_answer(std::string_view text) {
    std::map<std::pair<std::string, std::uint16_t>, std::string> known;
    for (const std::string_view line : core::split(text, '\n')) {
        const auto fields = core::split(line, ';');
        if (fields.size() <= port_field || fields.front() != "=") {
            continue;
        }
        const std::string host = host_name(fields[host_field]);
        const std::string address = reachable(fields[address_field]);
        std::uint16_t port = 0;
        const std::string_view digits = fields[port_field];
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (host.empty() || address.empty() || error != std::errc() || end != digits.data() + digits.size() ||
            port == 0) {
            continue;
        }
        std::string& mine = known[{host, port}];
        // One of several: of IPv4 rather than of IPv6, and the same each time.
        const auto rank = [](const std::string& one) {
            return std::tuple(one.empty(), one.find(':') != std::string::npos, one);
        };
        if (rank(address) < rank(mine)) {
            mine = address;
        }
        if (known.size() == most_boxes) {
            break;
        }
    }
    found_hosts out;
    for (const auto& [place, where] : known) {
        out.push_back({place.first, where, place.second, 0, 0});
    }
    return out;
}

}  // namespace corral::boxes
