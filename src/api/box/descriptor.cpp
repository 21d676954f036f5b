#include <array>

#include "api/box/routes.hpp"
#include "api/wire_formats.hpp"

namespace corral::api::box {

namespace {

constexpr std::array<std::string_view, 1> paths{"/corral/v1"};

http::response refuse(unsigned status) {
    constexpr unsigned unknown = 404;
    constexpr const char* advice = "GET /corral/v1/openapi.json names all addresses.";
    return status == unknown ? refusal(status, "there is no such address below /corral/v1", advice)
                             : refusal(status, "this address takes no request of that method", advice);
}

void add_routes(http::router& routes, const api_context& context) {
    if (context.desk != nullptr) {
        routes.refuse_below("/corral/v1/", refuse);
        add_session_routes(routes, context);
        add_box_routes(routes, context);
        add_model_routes(routes, context);
        add_key_routes(routes, context);
    }
}

}  // namespace

const wire_format descriptor{"box", paths, &add_routes, &error_response};

}  // namespace corral::api::box
