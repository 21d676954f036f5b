#pragma once
// Anthropic's messages and the count of their tokens.

#include "corral/api/wire_format.hpp"

namespace corral::api::anthropic {

void add_messages_routes(http::router& routes, const api_context& context);

}  // namespace corral::api::anthropic
