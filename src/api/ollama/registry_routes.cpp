#include "api/ollama/error_reply.hpp"
#include "api/ollama/progress.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "corral/catalog/model_name.hpp"

namespace corral::api::ollama {

namespace {

// Of pull and push; what else they may hold is about a registry, which there is none of.
struct transfer_fields {
    std::string model;
    bool stream = true;
};

transfer_fields read_transfer(const http::request& incoming, const char* go_type, decode_problem& problem) {
    const nlohmann::ordered_json body = read_body(incoming.body, go_type, problem);
    const json_fields fields(body, go_type, problem);
    transfer_fields out;
    out.model = read_model_name(fields);
    out.stream = fields.boolean("stream").value_or(true);
    static_cast<void>(fields.boolean("insecure"));
    return out;
}

core::awaitable<void> serve_pull(const model_directory* models, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    const transfer_fields asked = read_transfer(incoming, "PullRequest", problem);
    if (!problem.found() && !catalog::display_name(asked.model)) {
        problem.set("invalid model name");
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    progress said;
    said.statuses = {"pulling manifest"};
    if (models->find(asked.model) == nullptr) {
        said.error = absent_model_error;
    } else {
        said.statuses.insert(said.statuses.end(), {"verifying sha256 digest", "writing manifest"});
    }
    co_await send_progress(std::move(said), asked.stream, out);
}

core::awaitable<void> serve_push(const model_directory* models, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    const transfer_fields asked = read_transfer(incoming, "PushRequest", problem);
    if (asked.model.empty()) {
        problem.set("model is required");
    } else if (!catalog::display_name(asked.model)) {
        problem.set("invalid model name");
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    progress said;
    said.statuses = {"retrieving manifest"};
    if (models->find(asked.model) == nullptr) {
        said.statuses.emplace_back("couldn't retrieve manifest");
        said.error = "model '" + asked.model + "' not found";
    } else {
        said.error = "this server does not push models to a registry";
    }
    co_await send_progress(std::move(said), asked.stream, out);
}

}  // namespace

void add_registry_routes(http::router& routes, const api_context& context) {
    const model_directory* models = context.models;
    routes.add("POST", "/api/pull", [models](const http::request& incoming, http::response_writer& out) {
        return serve_pull(models, incoming, out);
    });
    routes.add("POST", "/api/push", [models](const http::request& incoming, http::response_writer& out) {
        return serve_push(models, incoming, out);
    });
}

}  // namespace corral::api::ollama
