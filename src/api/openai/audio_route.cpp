#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"

namespace corral::api::openai {

namespace {

core::awaitable<void> refuse_transcription(http::response_writer& out) {
    http::response refused = error_response(400, "audio is not supported: no runtime here can hear");
    co_await out.send(std::move(refused));
}

}  // namespace

void add_audio_route(http::router& routes, const api_context&) {
    routes.add("POST", "/v1/audio/transcriptions",
               [](const http::request&, http::response_writer& out) { return refuse_transcription(out); });
}

}  // namespace corral::api::openai
