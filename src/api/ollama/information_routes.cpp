#include <algorithm>
#include <array>
#include <vector>

#include "api/add_header.hpp"
#include "api/models/capability_check.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/routes.hpp"
#include "corral/generation/readiness.hpp"
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

std::uint64_t size_of(const generation::served_model& model) {
    return model.entry->size_bytes > 0 ? model.entry->size_bytes : model.runtime->stated().size_bytes;
}

std::string list_all(const generation::model_directory& models) {
    std::vector<generation::served> all = models.all();
    std::ranges::stable_sort(all, [](const generation::served& a, const generation::served& b) {
        return a->modified > b->modified;
    });
    json_writer json;
    json.begin_object().key("models").begin_array();
    for (const generation::served& each : all) {
        json.begin_object().member("name", each->name).member("model", each->name);
        const engine::stated_model stated = each->runtime->stated();
        const bool is_stated = each->modified == wall_time{} && stated.modified;
        json.member("modified_at", local_stamp(is_stated ? *stated.modified : each->modified));
        json.count("size", size_of(*each));
        json.member("digest", shown_digest(*each));
        write_details(json, *each, true);
        write_capabilities(json, *each);
        json.end_object();
    }
    json.end_array().end_object();
    return json.take();
}

// Ollama shows "for ever" as a stamp of the year 2318. This clock ends in 2262, so its last year has to do.
wall_time never_expires() {
    using namespace std::chrono;
    return wall_time(sys_days(year{2261} / December / 31));
}

// While somebody needs the model: as if they ended now.
wall_time expiry_of(const scheduler::residence& stay, core::steady_time now) {
    const wall_time wall_now = std::chrono::system_clock::now();
    const core::nanoseconds left = stay.expires ? *stay.expires - now : stay.stay;
    if (left >= never_expires() - wall_now) {
        return never_expires();
    }
    return wall_now + std::chrono::duration_cast<wall_time::duration>(left);
}

struct running_model {
    generation::served model;
    wall_time expires;
    std::uint64_t size = 0;  // bytes
};

// What its loaded instances hold of the accelerator, where the device's own figures have shown it; else the
// size of its package.
std::uint64_t memory_of(const generation::served_model& model, const scheduler::scheduler& admission) {
    constexpr std::uint64_t mebibyte = 1024 * 1024;
    std::uint64_t sum = 0;
    const std::vector<scheduler::instance_state> all = admission.instances_of(model.deployment);
    for (const scheduler::instance_state& each : all) {
        if (each.loaded && each.claim.measured) {
            sum += each.claim.memory_mb * mebibyte;
        } else if (each.loaded) {
            sum += size_of(model);
        }
    }
    return sum;
}

// The part of it that the accelerator holds: what was seen there, and all of a runtime that needs one; nothing of one
// that computes on the processors, and of a server elsewhere what it says.
std::uint64_t accelerator_part(const generation::served_model& model, const scheduler::scheduler& admission,
                               std::uint64_t size) {
    if (const auto stated = model.runtime->stated().accelerator_bytes) {
        return std::min(*stated, size);
    }
    const std::vector<scheduler::instance_state> all = admission.instances_of(model.deployment);
    const auto& services = model.entry->runtime.services;
    const bool there =
        services.empty() ||
        std::any_of(all.begin(), all.end(), [](const auto& each) { return each.claim.measured; }) ||
        std::any_of(services.begin(), services.end(), [](const auto& service) { return service.device; });
    return there ? size : 0;
}

// What is loaded or on its way, longest life first. A variant runs on what runs the model below it.
std::vector<running_model> all_running(const api_context& context) {
    const core::steady_time now = context.clock->now();
    std::vector<running_model> out;
    for (const generation::served& each : context.models->all()) {
        const scheduler::residence stay = context.admission->residence_of(each->deployment);
        const engine::availability state = generation::availability_of(*context.admission, each->deployment);
        if (!stay.loaded || state.state == engine::availability_state::broken) {
            continue;
        }
        out.push_back({each, expiry_of(stay, now), memory_of(*each, *context.admission)});
    }
    std::ranges::stable_sort(
        out, [](const running_model& a, const running_model& b) { return a.expires > b.expires; });
    return out;
}

std::string list_running(const api_context& context) {
    json_writer json;
    json.begin_object().key("models").begin_array();
    for (const auto& [model, expires, size] : all_running(context)) {
        json.begin_object().member("name", model->name).member("model", model->name).count("size", size);
        json.member("digest", shown_digest(*model));
        write_details(json, *model, false);
        json.member("expires_at", local_stamp(expires))
            .count("size_vram", accelerator_part(*model, *context.admission, size));
        json.count("context_length", shown_context(*model)).end_object();
    }
    json.end_array().end_object();
    return json.take();
}

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

void add_listing_routes(http::router& routes, const api_context& context) {
    const generation::model_directory* models = context.models;
    for (const char* method : {"GET", "HEAD"}) {
        routes.add(method, "/api/tags", [models](const http::request&, http::response_writer& out) {
            std::string body = list_all(*models);
            return send_json(std::move(body), out);
        });
    }
    routes.add("GET", "/api/ps", [context](const http::request&, http::response_writer& out) {
        std::string body = list_running(context);
        return send_json(std::move(body), out);
    });
}

}  // namespace corral::api::ollama
