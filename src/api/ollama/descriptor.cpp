#include <array>

#include "api/ollama/error_reply.hpp"
#include "api/ollama/routes.hpp"
#include "api/wire_formats.hpp"

namespace corral::api::ollama {

namespace {

void add_routes(http::router& routes, const api_context& context) {
    add_information_routes(routes, context);
    add_listing_routes(routes, context);
    add_show_route(routes, context);
    add_generate_route(routes, context);
    add_chat_route(routes, context);
    add_embedding_routes(routes, context);
    add_variant_routes(routes, context);
    add_registry_routes(routes, context);
}

constexpr std::array<std::string_view, 1> paths{"/"};

http::response refuse(unsigned status, std::string_view message, core::random_source&) {
    return error_response(status, message);
}

}  // namespace

const wire_format descriptor{paths, &add_routes, &refuse};

}  // namespace corral::api::ollama
