#include "api/json/go_text.hpp"
#include "api/models/model_lookup.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/ollama/variant_errors.hpp"
#include "corral/api/variant_library.hpp"
#include "corral/catalog/model_name.hpp"

namespace corral::api::ollama {

namespace {

struct copy_fields {
    std::string source;
    std::string destination;
};

copy_fields read_copy(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_small_body(incoming.body, "CopyRequest", problem);
    const json_fields fields(body, "CopyRequest", problem);
    copy_fields out{fields.text("source").value_or(""), fields.text("destination").value_or("")};
    if (!catalog::display_name(out.source)) {
        problem.set("source " + go_quoted(out.source) + " is invalid");
    }
    if (!catalog::display_name(out.destination) || names_cloud(out.destination)) {
        problem.set("destination " + go_quoted(out.destination) + " is invalid");
    }
    return out;
}

core::awaitable<void> serve_copy(api_context context, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    const copy_fields asked = read_copy(incoming, problem);
    generation::served source;
    if (!problem.found()) {
        generation::served named = context.models->find(asked.source);
        source = co_await context.models->whole(std::move(named));
        if (source == nullptr) {
            problem.set("model " + go_quoted(asked.source) + " not found", 404);
        } else if (context.variants == nullptr) {
            problem.set(no_variants_error, 500);
        }
    }
    if (!problem.found() && !catalog::same_model(asked.source, asked.destination)) {
        generation::model_variant content =
            source->variant == nullptr ? generation::model_variant{} : *source->variant;
        std::string client = incoming.client;
        std::string name = *catalog::display_name(asked.destination);
        const core::result<void> kept = co_await context.variants->keep(
            std::move(name), std::move(source), std::move(content), std::move(client));
        if (!kept) {
            problem.set(kept.error().message, status_of_library(kept.error()));
        }
    }
    http::response whole = bare_response(problem);
    co_await out.send(std::move(whole));
}

}  // namespace

void add_copy_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/copy", [context](const http::request& incoming, http::response_writer& out) {
        return serve_copy(context, incoming, out);
    });
}

}  // namespace corral::api::ollama
