#pragma once
// X-Request-Id: the name that a balancer or a client gives a request, so that one word finds it in the logs of both.

#include <string_view>

#include "corral/http/message.hpp"

namespace corral::api {

inline constexpr std::string_view request_mark_field = "X-Request-Id";

// What the request brings: 1 to 128 of A-Z a-z 0-9 - _ . : and empty for anything else, which is ignored.
[[nodiscard]] std::string_view request_mark(const http::request& incoming);

// Nothing where there is no mark.
void add_request_mark(http::header_fields& headers, std::string_view mark);

}  // namespace corral::api
