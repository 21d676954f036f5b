#pragma once
// /healthz: the process lives. /readyz: 200 when a request that comes now is answered, 503 when it would find
// no model. For orchestrators and load balancers, whatever the format.
//
// A model that was unloaded for want of requests counts as ready ("unloaded"): the next request loads it, and
// if it counted against us, none would ever be sent here. One that loads without having been asked by a
// request, or is broken, does not. The body tells each model's state, of
// one that loads its progress and about how many seconds are left, and of the queue how many wait and run
// and the seconds until the turn of a request that comes now (null while unknown). `warnings`, where there
// are any: what a person should repair, such as a manifest that is left out. Without a key, and on a box without
// keys from another machine, only states and counts are shown.
//
// /metrics: figures for Prometheus. Unlike the other two it tells of everybody's use, so where keys are asked
// for it wants one, as all the rest does.

#include <string_view>

#include "corral/api/member_state.hpp"
#include "corral/api/wire_format.hpp"

namespace corral::api {

void add_health_routes(http::router& routes, const api_context& context);

// GET /readyz?model=NAME: would a request for this model be answered now, and how long would it wait?
//
// 200 when it would: the model is ready, or a request would load it. 503 when it would not: it loads, is broken or
// stopped, the box is drained, ends, or isn't open yet. 404: there is no such model. 401 where keys are asked for and
// none is shown, for whether a name is served is not for strangers. 400: the query can't be read.
//
// `wait_seconds` is the time until the turn of a request that comes now (null while unknown), `weight_percent` what
// HAProxy's agent-check gets (corral/api/member_state.hpp).

// True when the query asks for a model.
[[nodiscard]] bool asks_for_model(std::string_view query);

[[nodiscard]] box_condition box_of(const api_context& context);

// REQUIRES: asks_for_model(incoming.query).
[[nodiscard]] http::response model_readiness(const api_context& context, const http::request& incoming);

}  // namespace corral::api
