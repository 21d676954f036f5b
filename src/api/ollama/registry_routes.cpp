#include "api/ollama/routes.hpp"

#include <array>
#include <utility>

#include "api/failure_status.hpp"
#include "api/models/package_pull.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/request_body.hpp"
#include "api/request_start.hpp"
#include "corral/api/package_desk.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/say.hpp"

namespace corral::api::ollama {

namespace {

constexpr unsigned forbidden = 403;
constexpr unsigned busy = 503;
constexpr unsigned failed = 500;

// As Ollama says that there is no such model, and then why.
progress refusal(const core::reason& why) {
    progress out;
    out.statuses = {"pulling manifest"};
    out.error = core::say("request.not-pulled/absent").led_to_by(why);
    return out;
}

// The end alone.
core::awaitable<void> await_pull(pull_watch& watch, http::response_writer& out) {
    while (true) {
        auto reading = watch.next();
        core::result<std::optional<std::string>> line = co_await std::move(reading);
        if (!line && line.error().code == core::errc::cancelled) {
            co_return;
        }
        if (!line || !*line) {
            progress end;
            end.error = line ? std::string() : line.error().message.text();
            co_await send_progress(std::move(end), false, out);
            co_return;
        }
    }
}

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

// Of a model that is there; others are another matter (pull_package).
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

std::optional<core::reason> why_not_pull(const api_context& context, const http::request& incoming) {
    if (context.packages == nullptr) {
        return core::say("pull.off/clients");
    }
    if (!incoming.may_pull && context.keys == nullptr) {
        return core::say("pull.not-yours/own-machine");
    }
    if (!incoming.may_pull) {
        return core::say("pull.not-yours/scope");
    }
    return std::nullopt;
}

core::awaitable<void> pull_package(api_context context, std::string typed, bool stream,
                                   const http::request& incoming, http::response_writer& out) {
    if (const auto why = why_not_pull(context, incoming)) {
        if (context.packages == nullptr) {
            progress refused = refusal(*why);
            co_await send_progress(std::move(refused), stream, out);
        } else {
            co_await send_progress_error(forbidden, *why, out);
        }
        co_return;
    }
    auto name = pulled_name(typed);
    if (!name) {
        progress refused = refusal(core::say("pull.off/kinds"));
        co_await send_progress(std::move(refused), stream, out);
        co_return;
    }
    if (!may_bring(context, *name)) {
        progress refused = refusal(core::say("pull.off/owners"));
        co_await send_progress(std::move(refused), stream, out);
        co_return;
    }
    auto beginning = context.packages->pull(*std::move(name), incoming.client);
    auto watch = co_await std::move(beginning);
    if (!watch && watch.error().code == core::errc::cancelled) {
        co_return;
    }
    if (!watch) {
        const unsigned status = watch.error().code == core::errc::limit_exceeded ? busy : failed;
        co_await send_progress_error(status, watch.error().message, out);
    } else if (stream) {
        auto streaming = stream_pull(**watch, out);
        const std::optional<core::failure> why = co_await std::move(streaming);
        if (why) {
            co_await send_progress_error(failed, why->message, out);
        }
    } else {
        co_await await_pull(**watch, out);
    }
}

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
