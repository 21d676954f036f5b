#pragma once
// Adding a header field from literals.

#include <string_view>

#include "corral/http/message.hpp"

namespace corral::api {

// Out of line on purpose: where header_fields::add is inlined with literals, GCC 12 warns of copies that
// can't happen (GCC bug 105651).
void add_header(http::header_fields& fields, std::string_view name, std::string_view value);

}  // namespace corral::api
