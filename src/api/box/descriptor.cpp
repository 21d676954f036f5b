#include <array>

#include "api/box/error_reply.hpp"
#include "api/box/routes.hpp"
#include "api/wire_formats.hpp"

namespace corral::api::box {

namespace {

constexpr std::array<std::string_view, 1> paths{"/corral/v1"};

void add_routes(http::router& routes, const api_context& context) {
    if (context.desk != nullptr) {
        add_session_routes(routes, context);
        add_box_routes(routes, context);
        add_model_routes(routes, context);
        add_key_routes(routes, context);
    }
}

}  // namespace

const wire_format descriptor{"box", paths, &add_routes, &error_response};

}  // namespace corral::api::box
