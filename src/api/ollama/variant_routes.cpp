// Models that clients make of others: POST /api/create, POST /api/copy, DELETE /api/delete.

#include <string>
#include <utility>

#include "api/failure_status.hpp"
#include "api/json/decoding.hpp"
#include "api/json/go_text.hpp"
#include "api/json/json_fields.hpp"
#include "api/models/model_lookup.hpp"
#include "api/models/model_parameters.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/generation_start.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"
#include "corral/api/package_desk.hpp"
#include "corral/api/variant_library.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api::ollama {

namespace {

// What POST /api/create asks for (docs/facts/ollama_wire.md#management): a name for a model with texts and
// parameters of the client's own.
struct create_request {
    std::string model;
    std::string from;
    std::string system;
    std::string prompt_template;
    std::string license;
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();
    chat_messages messages;
    std::string unsupported;  // a member that would make a model out of files: its name
    bool stream = true;
};

// One text or several; Ollama takes no notice of anything else.
std::string read_license(const json_fields& fields) {
    const auto* license = fields.find("license");
    std::string out;
    if (license == nullptr) {
        return out;
    }
    if (license->is_string()) {
        return license->get<std::string>();
    }
    if (license->is_array()) {
        for (const auto& each : *license) {
            if (each.is_string()) {
                out += (out.empty() ? "" : "\n") + each.get<std::string>();
            }
        }
    }
    return out;
}

std::string find_unsupported(const json_fields& fields) {
    for (const char* key : {"files", "adapters"}) {
        const auto* files = fields.object(key, "map[string]string");
        if (files != nullptr && !files->empty()) {
            return key;
        }
    }
    for (const char* key : {"quantize", "quantization"}) {
        if (!fields.text(key).value_or("").empty()) {
            return key;
        }
    }
    return {};
}

create_request read_create(std::string_view body, decode_problem& problem) {
    const nlohmann::ordered_json tree = read_object(body, "api.CreateRequest", problem);
    const json_fields fields(tree, "CreateRequest", problem);
    create_request out;
    out.model = read_model_name(fields);
    out.stream = fields.boolean("stream").value_or(true);
    out.from = fields.text("from").value_or("");
    out.system = fields.text("system").value_or("");
    out.prompt_template = fields.text("template").value_or("");
    out.license = read_license(fields);
    if (const auto* parameters = fields.object("parameters", "map[string]interface {}")) {
        out.parameters = *parameters;
    }
    out.messages = read_messages(fields);
    out.unsupported = find_unsupported(fields);
    return out;
}

// `asked` over what `base` has: texts and messages replace, parameters replace by name. Wrong parameters are
// a problem, and so is a template that can't be read.
generation::model_variant content_of(create_request asked, const generation::served_model& base,
                                     decode_problem& problem) {
    generation::model_variant out = base.variant == nullptr ? generation::model_variant{} : *base.variant;
    const auto replace = [](std::string& old, std::string& with) {
        if (!with.empty()) {
            old = std::move(with);
        }
    };
    replace(out.system, asked.system);
    replace(out.prompt_template, asked.prompt_template);
    replace(out.license, asked.license);
    if (!asked.messages.all.empty()) {
        out.messages = std::move(asked.messages.all);
    }
    for (auto& [name, value] : asked.parameters.items()) {
        if (!value.is_null()) {
            out.parameters[name] = std::move(value);
        }
    }
    out.sampling = {};
    out.limits = {};
    read_parameters(out.parameters, out.sampling, out.limits, problem);
    return out;
}

// Of a failure of the variant_library: what the client can repair is its error.
unsigned status_of_library(const core::failure& why) {
    if (why.code == core::errc::refused) {
        return 403;
    }
    if (why.code == core::errc::not_found) {
        return 404;
    }
    return why.code == core::errc::limit_exceeded ? 400 : 500;
}

// Whether `source` may be made into another model.
void check_source(const api_context& context, const variant_caller& caller,
                  const generation::served_model& source, decode_problem& problem) {
    if (context.variants != nullptr && context.variants->is_closed_to(caller, source.name)) {
        problem.set(core::say("request.not-your-model/copy", source.name), 403);
    }
}

// Refusals before anything is looked for. The name's own comes as every route's errors do, the others as
// errors in the place of the first line.
void check_form(const create_request& asked, decode_problem& problem) {
    if (!asked.unsupported.empty()) {
        problem.set(core::say("request.not-built/supported", asked.unsupported));
    }
    if (asked.from.empty()) {
        problem.set(core::say("request.field-missing/neither"));
    }
    if (asked.messages.has_images) {
        problem.set(core::say("request.image-form/images"));
    }
}

core::awaitable<void> keep(const api_context& context, std::string name, generation::served base,
                           create_request asked, variant_caller caller, http::response_writer& out) {
    variant_library* const library = context.variants;
    const bool stream = asked.stream;
    decode_problem problem;
    generation::model_variant content = content_of(std::move(asked), *base, problem);
    if (!problem.found()) {
        auto checking =
            check_template(context.decoding, caller.client, *base, content.prompt_template, 400, problem);
        co_await std::move(checking);
    }
    if (library == nullptr) {
        problem.set(core::say("request.no-variants"), 500);
    }
    if (problem.found()) {
        co_await send_progress_error(problem.status, problem.message, out);
        co_return;
    }
    progress said;
    said.statuses = {"using existing layer sha256:" + shown_digest(*base), "writing manifest"};
    const core::result<void> kept =
        co_await library->keep(std::move(name), std::move(base), std::move(content), std::move(caller));
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
        problem.set(core::say("request.bad-name/invalid"));
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    check_form(asked, problem);
    if (!problem.found() && !catalog::display_name(asked.from)) {
        problem.set(core::say("request.bad-name/invalid"));
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
        said.error =
            core::say("request.not-pulled/absent").led_to_by(core::say("request.not-pulled/own-box"));
        co_await send_progress(std::move(said), asked.stream, out);
        co_return;
    }
    variant_caller caller = variant_caller_of(incoming);
    check_source(context, caller, *base, problem);
    if (problem.found()) {
        co_await send_progress_error(problem.status, problem.message, out);
        co_return;
    }
    std::string display = *name;
    co_await keep(context, std::move(display), base, std::move(asked), std::move(caller), out);
}

struct copy_fields {
    std::string source;
    std::string destination;
};

copy_fields read_copy(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_small_object(incoming.body, "api.CopyRequest", problem);
    const json_fields fields(body, "CopyRequest", problem);
    copy_fields out{fields.text("source").value_or(""), fields.text("destination").value_or("")};
    if (!catalog::display_name(out.source)) {
        problem.set(core::say("request.bad-name/source", go_quoted(out.source)));
    }
    if (!catalog::display_name(out.destination) || names_cloud(out.destination)) {
        problem.set(core::say("request.bad-name/destination", go_quoted(out.destination)));
    }
    return out;
}

core::awaitable<void> serve_copy(api_context context, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    const copy_fields asked = read_copy(incoming, problem);
    variant_caller caller = variant_caller_of(incoming);
    generation::served source;
    if (!problem.found()) {
        generation::served named = context.models->find(asked.source);
        source = co_await context.models->whole(std::move(named));
        if (source == nullptr) {
            problem.set(core::say("request.no-model/model", go_quoted(asked.source)), 404);
        } else if (context.variants == nullptr) {
            problem.set(core::say("request.no-variants"), 500);
        } else {
            check_source(context, caller, *source, problem);
        }
    }
    if (!problem.found() && !catalog::same_model(asked.source, asked.destination)) {
        generation::model_variant content =
            source->variant == nullptr ? generation::model_variant{} : *source->variant;
        std::string name = *catalog::display_name(asked.destination);
        const core::result<void> kept = co_await context.variants->keep(
            std::move(name), std::move(source), std::move(content), std::move(caller));
        if (!kept) {
            problem.set(kept.error().message, status_of_library(kept.error()));
        }
    }
    http::response whole = bare_response(problem);
    co_await out.send(std::move(whole));
}

// Why `typed` can't be deleted, or the model that it means.
generation::served find_deletable(const api_context& context, const http::request& incoming,
                                  const std::string& typed, decode_problem& problem) {
    if (core::trimmed(typed).empty()) {
        problem.set(core::say("request.field-missing/model"));
    } else if (!catalog::display_name(typed)) {
        problem.set(core::say("request.bad-name/name", go_quoted(typed)));
    }
    if (problem.found()) {
        return nullptr;
    }
    generation::served found = context.models->find(typed);
    if (found == nullptr) {
        problem.set(not_found_text(typed), 404);
        return nullptr;
    }
    const auto barred = why_not_pull(context, incoming);
    if (found->variant == nullptr && barred) {
        problem.set(core::say("request.configured-model/model", found->name, *barred), 403);
    } else if (found->variant != nullptr && context.variants == nullptr) {
        problem.set(core::say("request.no-variants"), 500);
    }
    return found;
}

core::awaitable<void> serve_delete(api_context context, const http::request& incoming,
                                   http::response_writer& out) {
    decode_problem problem;
    const nlohmann::ordered_json body = read_small_object(incoming.body, "api.DeleteRequest", problem);
    const json_fields fields(body, "DeleteRequest", problem);
    const std::string typed = read_model_name(fields);
    generation::served found;
    if (!problem.found()) {
        found = find_deletable(context, incoming, typed, problem);
    }
    if (!problem.found()) {
        std::string name = found->name;
        const bool pulled = found->variant == nullptr;
        found.reset();  // or it could not be unloaded
        variant_caller caller = variant_caller_of(incoming);
        auto going = pulled ? context.packages->remove(std::move(name))
                            : context.variants->forget(std::move(name), std::move(caller));
        const core::result<void> gone = co_await std::move(going);
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

void add_variant_routes(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/create", route_of(context, serve_create));
    routes.add("POST", "/api/copy", route_of(context, serve_copy));
    routes.add("DELETE", "/api/delete", route_of(context, serve_delete));
}

}  // namespace corral::api::ollama
