#include "api/request_start.hpp"

#include <utility>

#include "api/ids.hpp"
#include "api/server_timing.hpp"

namespace corral::api {

std::string new_request_id(const api_context& context) {
    constexpr unsigned digits = 16;
    return hex_id("", digits, *context.random);
}

chat::generation_request begin_request(const api_context& context, const http::request& incoming,
                                       const generation::served_model& model, std::string typed) {
    chat::generation_request out;
    out.id = new_request_id(context);
    out.client = incoming.client;
    out.model_typed = std::move(typed);
    out.model = model.name;
    out.arrived = incoming.arrived;
    return out;
}

generation::generation_handle start_generation(const api_context& context, const http::request& incoming,
                                               chat::generation_request what, generation::served model) {
    generation::generation_handle out = context.generations->start(std::move(what), std::move(model));
    if (wants_timing(incoming)) {
        out->tell_timings();
    }
    return out;
}

}  // namespace corral::api
