#include "api/add_header.hpp"

#include <array>

#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/routes.hpp"
#include "corral/version.hpp"

namespace corral::api::ollama {

namespace {

// What clients compare with the features they need (docs/facts/ollama_wire.md#listings); Corral's own version
// goes in a header.
constexpr const char* spoken_version = "0.34.4";

core::awaitable<void> serve_root(const http::request&, http::response_writer& out) {
    http::response whole;
    whole.content_type = "text/plain; charset=utf-8";
    whole.body = "Ollama is running";
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_version(const http::request&, http::response_writer& out) {
    json_writer json;
    json.begin_object().member("version", spoken_version).end_object();
    http::response whole;
    whole.content_type = json_type;
    add_header(whole.headers, "Corral-Version", corral::version);
    whole.body = json.take();
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_status(const http::request&, http::response_writer& out) {
    json_writer json;
    json.begin_object().key("cloud").begin_object().key("disabled").boolean(true);
    json.member("source", "env").end_object().end_object();
    std::string body = json.take();
    co_await send_json(std::move(body), out);
}

// `text` is a literal.
core::awaitable<void> refuse(unsigned status, const char* text, http::response_writer& out) {
    http::response refused = error_response(status, text);
    co_await out.send(std::move(refused));
}

struct refusal_row {
    const char* method;
    const char* path;
    unsigned status;
    const char* text;
};

// What is Ollama's own service's: there is no account here, and no way out of the box
// (docs/facts/ollama_wire.md#listings, #environment).
constexpr std::array<refusal_row, 6> refusals{{
    {"POST", "/api/me", 401, "unauthorized"},
    {"POST", "/api/signout", 401, "unauthorized"},
    {"DELETE", "/api/user/keys/*", 401, "unauthorized"},
    {"POST", "/api/experimental/web_search", 403, "ollama cloud is disabled: web search is unavailable"},
    {"POST", "/api/experimental/web_fetch", 403, "ollama cloud is disabled: web fetch is unavailable"},
    {"GET", "/api/experimental/model-recommendations", 403,
     "ollama cloud is disabled: model recommendations are unavailable"},
}};

}  // namespace

void add_information_routes(http::router& routes, const api_context&) {
    for (const char* method : {"GET", "HEAD"}) {
        routes.add(method, "/", serve_root);
        routes.add(method, "/api/version", serve_version);
    }
    routes.add("GET", "/api/status", serve_status);
    for (const refusal_row& each : refusals) {
        routes.add(
            each.method, each.path,
            [status = each.status, text = each.text](const http::request&, http::response_writer& out) {
                return refuse(status, text, out);
            });
    }
}

}  // namespace corral::api::ollama
