#pragma once
// An edge in front of several boxes may ask elsewhere when this one can't serve a request now. HAProxy 2.6 chooses by
// status alone what it asks again (docs/facts/other_wires.md#retries), and a 503 of a gateway means more than that. So for a
// request with the header below a refusal with 503 becomes a 425, which nothing else here gives; the edge tells its
// client 503.

#include "corral/http/message.hpp"

namespace corral::api {

inline constexpr std::string_view edge_header = "X-Corral-Edge";
inline constexpr std::string_view edge_retry = "retry";  // its value
inline constexpr unsigned ask_elsewhere = 425;

// Whether the request comes from an edge that would ask elsewhere.
[[nodiscard]] bool has_elsewhere(const http::request& head);

// 503 becomes 425; all else stays.
void mark_for_edge(unsigned& status) noexcept;

}  // namespace corral::api
