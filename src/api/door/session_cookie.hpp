#pragma once
// The cookie of a browser's session, and whether a request can come from a page of another server.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corral/http/message.hpp"

namespace corral::api {

// The field Set-Cookie; `life` in seconds, 0 ends it. `secure`: over TLS alone.
[[nodiscard]] std::string session_cookie(std::string_view value, std::int64_t life, bool secure);

// All that the request shows, of the first 32: browsers send cookies of the same name that another server of this host
// has set too, and in any order. Borrowed from it.
[[nodiscard]] std::vector<std::string_view> shown_sessions(const http::request& incoming, bool secure);

// A request that reads, or that says on purpose that it acts (X-Corral-Action), and that no page of another origin, not
// even one of this machine, has made. Programs that are no browsers send none of the fields that tell.
[[nodiscard]] bool is_own_browser(const http::request& incoming);

// A browser says so: programs send neither field.
[[nodiscard]] bool is_browser(const http::request& incoming);

}  // namespace corral::api
