#pragma once
// The routes of this format, each in its own file.

#include "corral/api/wire_format.hpp"

namespace corral::api::openai {

// POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/responses/compact
void add_generation_routes(http::router& routes, const api_context& context);
void add_embedding_route(http::router& routes, const api_context& context);  // POST /v1/embeddings
void add_model_routes(http::router& routes, const api_context& context);  // GET /v1/models, /v1/models/NAME

}  // namespace corral::api::openai
