#pragma once
// One value of a request's query.

#include <string>
#include <string_view>

namespace corral::api::box {

// Decoded, at most 512 bytes as sent; of several the first. Empty: there is none, or the query is malformed.
[[nodiscard]] std::string query_parameter(std::string_view query, std::string_view name);

}  // namespace corral::api::box
