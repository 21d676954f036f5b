#pragma once
// POST /v1/messages (docs/facts/ollama_wire.md#anthropic).

#include "corral/api/wire_format.hpp"

namespace corral::api::anthropic {

void add_messages_route(http::router& routes, const api_context& context);

}  // namespace corral::api::anthropic
