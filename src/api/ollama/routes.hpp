#pragma once
// The routes of the Ollama format (docs/facts/ollama_wire.md#routes).

#include <optional>
#include <string>

#include "corral/api/wire_format.hpp"
#include "corral/core/result.hpp"

namespace corral::api::ollama {

// GET|HEAD /, /api/version; GET /api/status; POST /api/me, /api/signout; DELETE /api/user/keys/*;
// /api/experimental/...
void add_information_routes(http::router& routes, const api_context& context);
void add_listing_routes(http::router& routes, const api_context& context);  // GET|HEAD /api/tags, GET /api/ps
void add_show_route(http::router& routes, const api_context& context);      // POST /api/show
void add_generate_route(http::router& routes, const api_context& context);  // POST /api/generate
void add_chat_route(http::router& routes, const api_context& context);      // POST /api/chat
void add_embedding_routes(http::router& routes,
                          const api_context& context);  // POST /api/embed, /api/embeddings
void add_variant_routes(http::router& routes, const api_context& context);  // /api/create, copy, delete
// POST /api/pull, /api/push; HEAD|POST /api/blobs/*
void add_registry_routes(http::router& routes, const api_context& context);

// Pull of a model that this box does not have, and delete of one that a pull brought (docs/facts/ollama_wire.md#management).

// Why who asks may not change the packages of this box; nothing: it may.
[[nodiscard]] std::optional<core::reason> why_not_pull(const api_context& context,
                                                       const http::request& incoming);

[[nodiscard]] core::awaitable<void> pull_package(api_context context, std::string typed, bool stream,
                                                 const http::request& incoming, http::response_writer& out);

}  // namespace corral::api::ollama
