#include <array>

#include "api/failure_status.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/pull_route.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/say.hpp"

namespace corral::api::ollama {

namespace {

// Of pull and push; what else they may hold is about a registry, which there is none of.
struct transfer_fields {
    std::string model;
    bool stream = true;
};

transfer_fields read_transfer(const http::request& incoming, const char* go_type, decode_problem& problem) {
    const nlohmann::ordered_json body =
        read_small_object(incoming.body, std::string("api.") + go_type, problem);
    const json_fields fields(body, go_type, problem);
    transfer_fields out;
    out.model = read_model_name(fields);
    out.stream = fields.boolean("stream").value_or(true);
    static_cast<void>(fields.boolean("insecure"));
    return out;
}

// Of a model that is there; others are another matter (pull_route.hpp).
progress pull(const generation::model_directory& /*models*/, const std::string& /*model*/) {
    progress said;
    said.statuses = {"pulling manifest", "verifying sha256 digest", "writing manifest"};
    return said;
}

progress push(const generation::model_directory& models, const std::string& model) {
    progress said;
    said.statuses = {"retrieving manifest"};
    if (models.find(model) == nullptr) {
        said.statuses.emplace_back("couldn't retrieve manifest");
        said.error = not_found_text(model);
    } else {
        said.error = core::say("request.no-push");
    }
    return said;
}

struct transfer_route {
    const char* path;
    const char* go_type;
    core::known_wording<> without_name;  // what is said then
    bool fetches;                        // a model that is not there
    progress (*perform)(const generation::model_directory& models, const std::string& model);
};

constexpr std::array<transfer_route, 2> transfers{{
    {"/api/pull", "PullRequest", "request.bad-name/invalid", true, pull},
    {"/api/push", "PushRequest", "request.field-missing/model", false, push},
}};

core::awaitable<void> serve_transfer(api_context context, const transfer_route* route,
                                     const http::request& incoming, http::response_writer& out) {
    decode_problem problem;
    const transfer_fields asked = read_transfer(incoming, route->go_type, problem);
    if (!problem.found() && asked.model.empty()) {
        problem.set(core::say(route->without_name));
    } else if (!problem.found() && !catalog::display_name(asked.model)) {
        problem.set(core::say("request.bad-name/invalid"));
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    if (route->fetches && context.models->find(asked.model) == nullptr) {
        auto pulling = pull_package(context, asked.model, asked.stream, incoming, out);
        co_await std::move(pulling);
        co_return;
    }
    progress said = route->perform(*context.models, asked.model);
    co_await send_progress(std::move(said), asked.stream, out);
}

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
        whole = error_response(400, core::say("request.field-value/digest"));
    } else {
        whole = error_response(500, core::say("request.no-blobs"));
    }
    co_await out.send(std::move(whole));
}

}  // namespace

void add_registry_routes(http::router& routes, const api_context& context) {
    for (const transfer_route& each : transfers) {
        routes.add("POST", each.path,
                   [context, route = &each](const http::request& incoming, http::response_writer& out) {
                       return serve_transfer(context, route, incoming, out);
                   });
    }
    for (const char* method : {"HEAD", "POST"}) {
        routes.add(method, std::string(folder) + "*", serve_blob);
    }
}

}  // namespace corral::api::ollama
