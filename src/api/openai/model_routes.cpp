#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "api/json/json_writer.hpp"
#include "api/models/model_lookup.hpp"
#include "api/openai/answer.hpp"
#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"

namespace corral::api::openai {

namespace {

constexpr std::string_view one_model = "/v1/models/";

// The part before the model, or Ollama's default namespace.
std::string_view owner_of(std::string_view name) {
    const auto last = name.rfind('/');
    if (last == std::string_view::npos) {
        return "library";
    }
    const std::string_view before = name.substr(0, last);
    const auto host = before.rfind('/');
    return host == std::string_view::npos ? before : before.substr(host + 1);
}

void write_model(json_writer& json, const generation::served_model& model, std::string_view id) {
    const auto since = model.modified.time_since_epoch();
    json.begin_object().member("id", id).member("object", "model");
    json.count("created", std::chrono::duration_cast<std::chrono::seconds>(since).count());
    json.member("owned_by", owner_of(model.name)).end_object();
}

std::string list_all(const generation::model_directory& models) {
    std::vector<generation::served> all = models.all();
    std::ranges::stable_sort(all, [](const generation::served& a, const generation::served& b) {
        return a->modified > b->modified;
    });
    json_writer json;
    json.begin_object().member("object", "list").key("data").begin_array();
    for (const generation::served& each : all) {
        write_model(json, *each, each->name);
    }
    json.end_array().end_object();
    std::string out = json.take();
    out += '\n';
    return out;
}

core::awaitable<void> serve_one(const generation::model_directory& models, const http::request& incoming,
                                http::response_writer& out) {
    const std::string typed = incoming.path.substr(one_model.size());
    http::response whole;
    lookup_words words;
    words.display_form = true;
    decode_problem problem;
    const generation::served model = find_model(models, typed, words, problem);
    if (model == nullptr) {
        whole = error_response(problem.status, problem.message);
    } else {
        json_writer json;
        write_model(json, *model, typed);
        whole.content_type = reply_type;
        whole.body = json.take();
        whole.body += '\n';
    }
    co_await out.send(std::move(whole));
}

}  // namespace

void add_model_routes(http::router& routes, const api_context& context) {
    const generation::model_directory* models = context.models;
    routes.add("GET", "/v1/models", [models](const http::request&, http::response_writer& out) {
        std::string body = list_all(*models);
        return send_json(std::move(body), out);
    });
    routes.add("GET", "/v1/models/*", [models](const http::request& incoming, http::response_writer& out) {
        return serve_one(*models, incoming, out);
    });
}

}  // namespace corral::api::openai
