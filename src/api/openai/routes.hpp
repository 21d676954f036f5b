#pragma once
// The routes of this format, each in its own file.

#include "corral/api/wire_format.hpp"

namespace corral::api::openai {

void add_audio_route(http::router& routes, const api_context& context);
void add_chat_route(http::router& routes, const api_context& context);
void add_completion_route(http::router& routes, const api_context& context);
void add_embedding_route(http::router& routes, const api_context& context);
void add_model_routes(http::router& routes, const api_context& context);
void add_responses_route(http::router& routes, const api_context& context);

}  // namespace corral::api::openai
