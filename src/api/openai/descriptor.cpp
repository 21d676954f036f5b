#include <array>

#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"
#include "api/wire_formats.hpp"

namespace corral::api::openai {

namespace {

void add_routes(http::router& routes, const api_context& context) {
    add_chat_route(routes, context);
    add_completion_route(routes, context);
    add_embedding_route(routes, context);
    add_model_routes(routes, context);
    add_responses_route(routes, context);
    add_audio_route(routes, context);
}

constexpr std::array<std::string_view, 1> paths{"/v1/"};

}  // namespace

const wire_format descriptor{"openai", paths, &add_routes, &refuse};

}  // namespace corral::api::openai
