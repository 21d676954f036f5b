#pragma once
// A range of addresses as people write it: "10.0.0.0/8", "fd00::/8", or one address.

#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "corral/core/result.hpp"

namespace corral::http {

class ip_network {
public:
    // Of an address alone all bits count. Fails for another text, for an IPv4 address in IPv6 clothes, and for an
    // address with bits beyond its prefix: it says more than the range does, so one of the two is a mistake.
    [[nodiscard]] static core::result<ip_network> parse(std::string_view text);

    // An IPv4 address in IPv6 clothes counts as that IPv4 address.
    [[nodiscard]] bool contains(const boost::asio::ip::address& one) const;

    bool operator==(const ip_network&) const = default;

private:
    ip_network(boost::asio::ip::address first, unsigned bits) : first_(std::move(first)), bits_(bits) {}

    boost::asio::ip::address first_;
    unsigned bits_;  // that all of its addresses have in common
};

// The IPv4 address of one in IPv6 clothes (::ffff:a.b.c.d); another one as it is.
[[nodiscard]] boost::asio::ip::address plain_address(const boost::asio::ip::address& of);

}  // namespace corral::http
