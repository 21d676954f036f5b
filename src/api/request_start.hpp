#pragma once
// What every wire format puts into a request alike.

#include <string>

#include "corral/api/wire_format.hpp"

namespace corral::api {

// Of a request, for the log: 16 hex digits.
[[nodiscard]] std::string new_request_id(const api_context& context);

// A request for `model`, known to the log and the queue; the format fills in the rest.
[[nodiscard]] chat::generation_request begin_request(const api_context& context,
                                                     const http::request& incoming,
                                                     const generation::served_model& model,
                                                     std::string typed);

// Starts it; `incoming` says whether its client is told where the time went.
[[nodiscard]] generation::generation_handle start_generation(const api_context& context,
                                                             const http::request& incoming,
                                                             chat::generation_request what,
                                                             generation::served model);

}  // namespace corral::api
