#include <algorithm>

#include "api/ollama/answer.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/routes.hpp"

namespace corral::api::ollama {

namespace {

std::string list_all(const model_directory& models) {
    std::vector<served> all = models.all();
    std::stable_sort(all.begin(), all.end(),
                     [](const served& a, const served& b) { return a->modified > b->modified; });
    json_writer json;
    json.begin_object().key("models").begin_array();
    for (const served& each : all) {
        json.begin_object().member("name", each->name).member("model", each->name);
        json.member("modified_at", local_stamp(each->modified)).count("size", each->entry->size_bytes);
        json.member("digest", shown_digest(*each));
        write_details(json, *each, true);
        write_capabilities(json, *each->entry);
        json.end_object();
    }
    json.end_array().end_object();
    return json.take();
}

// Models stay for ever; Ollama shows that as a stamp of the year 2318. This clock ends in 2262, so its last
// year has to do.
wall_time never_expires() {
    using namespace std::chrono;
    return wall_time(sys_days(year{2261} / December / 31));
}

std::string list_running(const model_directory& models) {
    json_writer json;
    json.begin_object().key("models").begin_array();
    for (const served& each : models.all()) {
        const engine::availability_state state = each->runtime->available().state;
        if (state != engine::availability_state::ready && state != engine::availability_state::loading) {
            continue;
        }
        const catalog::model_entry& entry = *each->entry;
        json.begin_object()
            .member("name", each->name)
            .member("model", each->name)
            .count("size", entry.size_bytes);
        json.member("digest", shown_digest(*each));
        write_details(json, *each, false);
        json.member("expires_at", local_stamp(never_expires())).count("size_vram", entry.size_bytes);
        json.count("context_length", shown_context(*each)).end_object();
    }
    json.end_array().end_object();
    return json.take();
}

}  // namespace

void add_listing_routes(http::router& routes, const api_context& context) {
    const model_directory* models = context.models;
    for (const char* method : {"GET", "HEAD"}) {
        routes.add(method, "/api/tags", [models](const http::request&, http::response_writer& out) {
            std::string body = list_all(*models);
            return send_json(std::move(body), out);
        });
    }
    routes.add("GET", "/api/ps", [models](const http::request&, http::response_writer& out) {
        std::string body = list_running(*models);
        return send_json(std::move(body), out);
    });
}

}  // namespace corral::api::ollama
