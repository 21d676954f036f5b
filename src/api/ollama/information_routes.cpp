#include "api/add_header.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/routes.hpp"
#include "corral/version.hpp"

namespace corral::api::ollama {

namespace {

// What clients compare with the features they need (docs/facts/ollama_wire.md#listings); Corral's own version
// goes in a header.
constexpr const char* spoken_version = "0.33.0";

core::awaitable<void> serve_root(http::response_writer& out) {
    http::response whole;
    whole.content_type = "text/plain; charset=utf-8";
    whole.body = "Ollama is running";
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_version(http::response_writer& out) {
    json_writer json;
    json.begin_object().member("version", spoken_version).end_object();
    http::response whole;
    whole.content_type = json_type;
    add_header(whole.headers, "Corral-Version", corral::version);
    whole.body = json.take();
    co_await out.send(std::move(whole));
}

}  // namespace

void add_information_routes(http::router& routes, const api_context&) {
    for (const char* method : {"GET", "HEAD"}) {
        routes.add(method, "/",
                   [](const http::request&, http::response_writer& out) { return serve_root(out); });
        routes.add(method, "/api/version",
                   [](const http::request&, http::response_writer& out) { return serve_version(out); });
    }
}

}  // namespace corral::api::ollama
