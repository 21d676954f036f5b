#include "corral/http/ip_network.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::http {

namespace {

using boost::asio::ip::address;

constexpr unsigned bits_of_byte = 8;

std::vector<std::uint8_t> bytes_of(const address& of) {
    if (of.is_v4()) {
        const auto bytes = of.to_v4().to_bytes();
        return {bytes.begin(), bytes.end()};
    }
    const auto bytes = of.to_v6().to_bytes();
    return {bytes.begin(), bytes.end()};
}

// Whether the first `bits` of both are the same. REQUIRES: addresses of one family, with that many bits.
bool agree(const address& left, const address& right, unsigned bits) {
    const auto a = bytes_of(left);
    const auto b = bytes_of(right);
    const std::size_t whole = bits / bits_of_byte;
    const unsigned rest = bits % bits_of_byte;
    const auto cut = [rest](std::uint8_t byte) { return byte >> (bits_of_byte - rest); };
    return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()) &&
           (rest == 0 || cut(a[whole]) == cut(b[whole]));
}

bool ends_in_zeros(const address& of, unsigned bits) {
    const auto bytes = bytes_of(of);
    for (unsigned bit = bits; bit < bytes.size() * bits_of_byte; ++bit) {
        const unsigned in_byte = bits_of_byte - 1 - bit % bits_of_byte;
        if (((bytes[bit / bits_of_byte] >> in_byte) & 1U) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

address plain_address(const address& of) {
    if (of.is_v6() && of.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, of.to_v6());
    }
    return of;
}

core::result<ip_network> ip_network::parse(std::string_view text) {
    const auto wrong = [&](const std::string& why) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.bad-form/range-addresses", text, why));
    };
    const std::size_t slash = text.find('/');
    const std::string_view base = text.substr(0, slash);
    boost::system::error_code error;
    const address first = boost::asio::ip::make_address(base, error);
    if (error || base.find('%') != std::string_view::npos || plain_address(first) != first) {
        return wrong("write it as \"10.0.0.0/8\", \"fd00::/8\" or \"192.0.2.7\"");
    }
    const unsigned most = first.is_v4() ? 32 : 128;
    if (slash == std::string_view::npos) {
        return ip_network(first, most);
    }
    const auto bits = core::whole_number<unsigned>(text.substr(slash + 1));
    if (!bits || *bits > most) {
        return wrong("behind the slash is a number from 0 to " + std::to_string(most));
    }
    if (!ends_in_zeros(first, *bits)) {
        return wrong("the address has bits beyond its prefix");
    }
    return ip_network(first, *bits);
}

bool ip_network::contains(const address& one) const {
    const address plain = plain_address(one);
    return plain.is_v4() == first_.is_v4() && agree(plain, first_, bits_);
}

}  // namespace corral::http
