#include <algorithm>

#include "api/ollama/error_reply.hpp"
#include "api/ollama/routes.hpp"

namespace corral::api::ollama {

namespace {

constexpr std::string_view folder = "/api/blobs/";

// "sha256:" or "sha256-" and 64 hex digits.
bool is_digest(std::string_view text) {
    constexpr std::string_view kind = "sha256";
    constexpr std::size_t digits = 64;
    if (!text.starts_with(kind) || text.size() != kind.size() + 1 + digits) {
        return false;
    }
    const char joint = text[kind.size()];
    const std::string_view hex = text.substr(kind.size() + 1);
    return (joint == ':' || joint == '-') && hex.find_first_not_of("0123456789abcdefABCDEF") == hex.npos;
}

// Models here come in the packages of their runtime; there are no blobs to show or to take.
core::awaitable<void> serve_blob(const http::request& incoming, http::response_writer& out) {
    const bool known_form = is_digest(std::string_view(incoming.path).substr(folder.size()));
    http::response whole;
    if (incoming.method == "HEAD") {
        whole.status = known_form ? 404 : 400;
    } else if (!known_form) {
        whole = error_response(400, "invalid digest format");
    } else {
        whole = error_response(500,
                               "this server takes no files of models: it runs those of its own box, and "
                               "'corral import' adds one");
    }
    co_await out.send(std::move(whole));
}

}  // namespace

void add_blob_routes(http::router& routes, const api_context&) {
    for (const char* method : {"HEAD", "POST"}) {
        routes.add(method, std::string(folder) + "*", serve_blob);
    }
}

}  // namespace corral::api::ollama
