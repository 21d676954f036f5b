#pragma once
// /healthz: the process lives. /readyz: a model can answer now. For orchestrators and load balancers,
// whatever the format.

#include "corral/api/wire_format.hpp"

namespace corral::api {

void add_health_routes(http::router& routes, const api_context& context);

}  // namespace corral::api
