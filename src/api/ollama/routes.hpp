#pragma once
// The routes of the Ollama format, a file each (docs/facts/ollama_wire.md#routes).

#include "corral/api/wire_format.hpp"

namespace corral::api::ollama {

void add_information_routes(http::router& routes, const api_context& context);  // GET|HEAD /, /api/version
void add_listing_routes(http::router& routes, const api_context& context);  // GET|HEAD /api/tags, GET /api/ps
void add_show_route(http::router& routes, const api_context& context);      // POST /api/show
void add_generate_route(http::router& routes, const api_context& context);  // POST /api/generate
void add_chat_route(http::router& routes, const api_context& context);      // POST /api/chat
void add_embedding_routes(http::router& routes,
                          const api_context& context);                    // POST /api/embed, /api/embeddings
void add_create_route(http::router& routes, const api_context& context);  // POST /api/create
void add_copy_route(http::router& routes, const api_context& context);    // POST /api/copy
void add_delete_route(http::router& routes, const api_context& context);  // DELETE /api/delete
void add_registry_routes(http::router& routes, const api_context& context);  // POST /api/pull, /api/push
void add_blob_routes(http::router& routes, const api_context& context);      // HEAD|POST /api/blobs/*
// GET /api/status; POST /api/me, /api/signout; DELETE /api/user/keys/*; /api/experimental/...
void add_cloud_routes(http::router& routes, const api_context& context);

}  // namespace corral::api::ollama
