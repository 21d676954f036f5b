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
}

}  // namespace

const wire_format descriptor{"ollama", &add_routes};

}  // namespace corral::api::ollama
