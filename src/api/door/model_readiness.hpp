#pragma once
// GET /readyz?model=NAME: would a request for this model be answered now, and how long would it wait?
//
// 200 when it would: the model is ready, or a request would load it. 503 when it would not: it loads, is broken or
// stopped, the box is drained, ends, or isn't open yet. 404: there is no such model. 401 where keys are asked for and
// none is shown, for whether a name is served is not for strangers. 400: the query can't be read.
//
// `wait_seconds` is the time until the turn of a request that comes now (null while unknown), `weight_percent` what
// HAProxy's agent-check gets (corral/api/member_state.hpp).

#include <string_view>

#include "corral/api/member_state.hpp"
#include "corral/api/wire_format.hpp"

namespace corral::api {

// True when the query asks for a model.
[[nodiscard]] bool asks_for_model(std::string_view query);

[[nodiscard]] box_condition box_of(const api_context& context);

// REQUIRES: asks_for_model(incoming.query).
[[nodiscard]] http::response model_readiness(const api_context& context, const http::request& incoming);

}  // namespace corral::api
