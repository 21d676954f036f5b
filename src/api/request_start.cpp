#include "api/request_start.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "api/server_timing.hpp"

namespace corral::api {

std::string random_hex_id(core::random_source& random) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(random.next()));
    return text.data();
}

chat::generation_request begin_request(const api_context& context, const http::request& incoming,
                                       const generation::served_model& model, std::string typed) {
    chat::generation_request out;
    out.id = random_hex_id(*context.random);
    out.client = incoming.client;
    out.model_typed = std::move(typed);
    out.model = model.name;
    out.arrived = incoming.arrived;
    return out;
}

generation::generation_handle start_generation(const api_context& context, const http::request& incoming,
                                               chat::generation_request what) {
    generation::generation_handle out = context.generations->start(std::move(what));
    if (wants_timing(incoming)) {
        out.tell_timings();
    }
    return out;
}

}  // namespace corral::api
