#pragma once
// The routes of the Ollama format, a file each (ollama_wire.md §1.3).

#include "corral/api/wire_format.hpp"

namespace corral::api::ollama {

void add_information_routes(http::router& routes, const api_context& context);  // GET|HEAD /, /api/version
void add_listing_routes(http::router& routes, const api_context& context);  // GET|HEAD /api/tags, GET /api/ps
void add_show_route(http::router& routes, const api_context& context);      // POST /api/show
void add_generate_route(http::router& routes, const api_context& context);  // POST /api/generate
void add_chat_route(http::router& routes, const api_context& context);      // POST /api/chat

}  // namespace corral::api::ollama
