#include "api/failure_status.hpp"
#include "api/json/go_text.hpp"
#include "api/models/model_lookup.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/ollama/variant_errors.hpp"
#include "corral/api/variant_library.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/text.hpp"

namespace corral::api::ollama {

namespace {

// Why `typed` can't be deleted, or the name of the variant that it means.
std::string find_variant(const api_context& context, const std::string& typed, decode_problem& problem) {
    if (core::trimmed(typed).empty()) {
        problem.set("model is required");
    } else if (!catalog::display_name(typed)) {
        problem.set("name " + go_quoted(typed) + " is invalid");
    }
    if (problem.found()) {
        return {};
    }
    const generation::served found = context.models->find(typed);
    if (found == nullptr) {
        problem.set(not_found_text(typed), 404);
        return {};
    }
    if (found->variant == nullptr) {
        problem.set("model '" + found->name +
                        "' is one of this server's configuration: to be rid of it, remove it there",
                    403);
    } else if (context.variants == nullptr) {
        problem.set(no_variants_error, 500);
    }
    return found->name;
}

core::awaitable<void> serve_delete(api_context context, const http::request& incoming,
                                   http::response_writer& out) {
    decode_problem problem;
    const nlohmann::ordered_json body = read_small_body(incoming.body, "DeleteRequest", problem);
    const json_fields fields(body, "DeleteRequest", problem);
    const std::string typed = read_model_name(fields);
    std::string name;
    if (!problem.found()) {
        name = find_variant(context, typed, problem);
    }
    if (!problem.found()) {
        const core::result<void> gone = co_await context.variants->forget(std::move(name));
        if (!gone) {
            const bool unknown = gone.error().code == core::errc::not_found;  // somebody else was quicker
            problem.set(unknown ? not_found_text(typed) : gone.error().message,
                        status_of_library(gone.error()));
        }
    }
    http::response whole = bare_response(problem);
    co_await out.send(std::move(whole));
}

}  // namespace

void add_delete_route(http::router& routes, const api_context& context) {
    routes.add("DELETE", "/api/delete", [context](const http::request& incoming, http::response_writer& out) {
        return serve_delete(context, incoming, out);
    });
}

}  // namespace corral::api::ollama
