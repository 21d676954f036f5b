#include <array>

#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"
#include "api/wire_formats.hpp"
#include "corral/core/say.hpp"

namespace corral::api::openai {

namespace {

core::awaitable<void> refuse_transcription(const http::request&, http::response_writer& out) {
    http::response refused = error_response(400, core::say("request.not-built/audio"));
    co_await out.send(std::move(refused));
}

void add_routes(http::router& routes, const api_context& context) {
    add_generation_routes(routes, context);
    add_embedding_route(routes, context);
    add_model_routes(routes, context);
    routes.add("POST", "/v1/audio/transcriptions", refuse_transcription);
}

constexpr std::array<std::string_view, 1> paths{"/v1/"};

}  // namespace

const wire_format descriptor{paths, &add_routes, &refuse};

}  // namespace corral::api::openai
