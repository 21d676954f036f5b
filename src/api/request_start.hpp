#pragma once
// What every wire format puts into a generation_request alike, and what it needs to know of the model.

#include <string>
#include <string_view>

#include "corral/api/wire_format.hpp"

namespace corral::api {

// A request for `model`, known to the log and the queue; the format fills in the rest.
[[nodiscard]] chat::generation_request begin_request(const api_context& context,
                                                     const http::request& incoming,
                                                     const generation::served_model& model,
                                                     std::string typed);

// 16 hex digits.
[[nodiscard]] std::string random_hex_id(core::random_source& random);

// Starts it; `incoming` says whether its client is told where the time went.
[[nodiscard]] generation::generation_handle start_generation(const api_context& context,
                                                             const http::request& incoming,
                                                             chat::generation_request what);

}  // namespace corral::api
