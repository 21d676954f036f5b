#include "api/json/decoding.hpp"
#include "api/models/model_lookup.hpp"
#include "api/ollama/create_request.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/progress.hpp"
#include "api/ollama/routes.hpp"
#include "api/ollama/variant_errors.hpp"
#include "corral/api/variant_library.hpp"
#include "corral/catalog/model_name.hpp"

namespace corral::api::ollama {

namespace {

// Refusals before anything is looked for. The name's own comes as every route's errors do, the others as
// errors in the place of the first line.
void check_form(const create_request& asked, decode_problem& problem) {
    if (!asked.unsupported.empty()) {
        problem.set(asked.unsupported +
                    " is not supported: this server makes no models out of files; create from a model that "
                    "it has, or add one with 'corral import'");
    }
    if (asked.from.empty()) {
        problem.set("neither 'from' or 'files' was specified");
    }
    if (asked.messages.has_images) {
        problem.set("images in messages are not supported");
    }
}

core::awaitable<void> keep(variant_library* library, std::string name, generation::served base,
                           create_request asked, std::string client, http::response_writer& out) {
    const bool stream = asked.stream;
    decode_problem problem;
    generation::model_variant content = content_of(std::move(asked), *base, problem);
    if (library == nullptr) {
        problem.set(no_variants_error, 500);
    }
    if (problem.found()) {
        co_await send_progress_error(problem.status, problem.message, out);
        co_return;
    }
    progress said;
    said.statuses = {"using existing layer sha256:" + shown_digest(*base), "writing manifest"};
    const core::result<void> kept =
        co_await library->keep(std::move(name), std::move(base), std::move(content), std::move(client));
    if (!kept) {
        const unsigned status = status_of_library(kept.error());
        co_await send_progress_error(status, kept.error().message, out);
        co_return;
    }
    co_await send_progress(std::move(said), stream, out);
}

core::awaitable<void> serve_create(api_context context, const http::request& incoming,
                                   http::response_writer& out) {
    decode_problem problem;
    auto reading =
        decoded(context.decoding, incoming, problem, [&] { return read_create(incoming.body, problem); });
    create_request asked = co_await std::move(reading);
    const auto name = catalog::display_name(asked.model);
    if (!problem.found() && (!name || names_cloud(asked.model))) {
        problem.set("invalid model name");
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    check_form(asked, problem);
    if (!problem.found() && !catalog::display_name(asked.from)) {
        problem.set("invalid model name");
    }
    if (problem.found()) {
        co_await send_progress_error(problem.status, problem.message, out);
        co_return;
    }
    generation::served named = context.models->find(asked.from);
    const generation::served base = co_await context.models->whole(std::move(named));
    if (base == nullptr) {
        progress said;  // Ollama would go and fetch it
        said.statuses = {"pulling manifest"};
        said.error = absent_model_error;
        co_await send_progress(std::move(said), asked.stream, out);
        co_return;
    }
    std::string display = *name;
    std::string client = incoming.client;
    co_await keep(context.variants, std::move(display), base, std::move(asked), std::move(client), out);
}

}  // namespace

void add_create_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/create", [context](const http::request& incoming, http::response_writer& out) {
        return serve_create(context, incoming, out);
    });
}

}  // namespace corral::api::ollama
