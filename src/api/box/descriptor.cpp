#include <array>

#include "api/box/routes.hpp"
#include "api/wire_formats.hpp"
#include "corral/core/say.hpp"

namespace corral::api::box {

namespace {

constexpr std::array<std::string_view, 1> paths{"/corral/v1"};

http::response refuse(unsigned status) {
    constexpr unsigned unknown = 404;
    return refusal(status,
                   status == unknown ? core::say("page.request/address") : core::say("page.request/method"),
                   core::say("page.request/do-address"));
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

const wire_format descriptor{paths, &add_routes, &error_response};

}  // namespace corral::api::box
