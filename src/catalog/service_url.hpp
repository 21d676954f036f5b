#pragma once
// Where a service answers, as written: http://<IP literal or localhost>:<port or {port}>, and no path,
// because the vendor's runtime dies of a URL with a final slash (docs/facts/vendor_ax_observed.md#start).

#include <cstdint>
#include <string>
#include <string_view>

namespace corral::catalog {

struct service_url {
    std::string problem;     // a sentence; empty when the URL is good
    std::uint16_t port = 0;  // 0: {port}, or another placeholder
};

[[nodiscard]] service_url parse_service_url(std::string_view text);

}  // namespace corral::catalog
