#pragma once
// Where a source may send us.

#include <cstdint>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"

struct sockaddr;

namespace corral::pull {

// Of a URL what a decision looks at.
struct url_parts {
    std::string scheme;  // "https", "http"
    std::string host;    // lower case, an IPv6 literal without brackets
    std::uint16_t port = 0;
    bool operator==(const url_parts&) const = default;
};

// Fails for what is neither http nor https, has no host, or a user or control characters.
[[nodiscard]] core::result<url_parts> parse_url(std::string_view text);

inline constexpr unsigned most_redirects = 5;

// Whether the answer number `hops` (from 1) of `source` may send us on to `to`.
[[nodiscard]] core::result<void> judge_redirect(const url_parts& source, const url_parts& to, unsigned hops);

enum class reach {
    open,     // the internet
    inside,   // this machine, this link or a private network: RFC 1918, 4193, 6598, 3927, 4291
    nowhere,  // unspecified, multicast, or no address of the internet at all
};

// Of a host that is written as an address, or is this machine by its name; `open` of every other name, for only its
// look-up tells. `host` in lower case, IPv6 without brackets.
[[nodiscard]] reach reach_of_host(const std::string& host) noexcept;

// Of an address that a name was resolved to; IPv4 in IPv6 counts as IPv4.
[[nodiscard]] reach reach_of(const ::sockaddr* address) noexcept;

// Whether a connection to an address may be made. `first`: the source's own host, which a person or the catalogue
// named. `source_reach` is where that led.
[[nodiscard]] bool may_connect(reach to, bool first, reach source_reach) noexcept;

}  // namespace corral::pull
