#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "api/json/json_writer.hpp"
#include "api/models/capability_check.hpp"
#include "api/models/model_lookup.hpp"
#include "api/openai/answer.hpp"
#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"
#include "api/request_start.hpp"
#include "corral/generation/readiness.hpp"

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

// Agents look for the window under the names that vLLM, llama.cpp and routers gave it.
void write_model(json_writer& json, const api_context& context, const generation::served_model& model,
                 std::string_view id) {
    const auto since = model.modified.time_since_epoch();
    json.begin_object().member("id", id).member("object", "model");
    json.count("created", std::chrono::duration_cast<std::chrono::seconds>(since).count());
    json.member("owned_by", owner_of(model.name));
    if (const std::uint32_t window = shown_context(model); window > 0) {
        json.count("context_length", window).count("max_model_len", window);
        json.key("meta").begin_object().count("n_ctx", window).end_object();
    }
    if (const std::uint32_t longest = model.runtime->learned().prompt_limit; longest > 0) {
        json.count("max_input_tokens", longest);  // as Anthropic and LiteLLM name it
    }
    write_capabilities(json, model);
    const engine::availability now = generation::availability_of(*context.admission, model.deployment);
    json.key("loaded").boolean(now.state == engine::availability_state::ready).end_object();
}

std::string list_all(const api_context& context) {
    std::vector<generation::served> all = context.models->all();
    std::ranges::stable_sort(all, [](const generation::served& a, const generation::served& b) {
        return a->modified > b->modified;
    });
    json_writer json;
    json.begin_object().member("object", "list").key("data").begin_array();
    for (const generation::served& each : all) {
        write_model(json, context, *each, each->name);
    }
    json.end_array().end_object();
    std::string out = json.take();
    out += '\n';
    return out;
}

core::awaitable<void> serve_one(api_context context, const http::request& incoming,
                                http::response_writer& out) {
    const std::string typed = incoming.path.substr(one_model.size());
    http::response whole;
    lookup_words words;
    words.display_form = true;
    decode_problem problem;
    const generation::served model = find_model(*context.models, typed, words, problem);
    if (model == nullptr) {
        whole = error_response(problem.status, problem.message);
    } else {
        json_writer json;
        write_model(json, context, *model, typed);
        whole.content_type = reply_type;
        whole.body = json.take();
        whole.body += '\n';
    }
    co_await out.send(std::move(whole));
}

}  // namespace

void add_model_routes(http::router& routes, const api_context& context) {
    routes.add("GET", "/v1/models", [context](const http::request&, http::response_writer& out) {
        std::string body = list_all(context);
        return send_json(std::move(body), out);
    });
    routes.add("GET", "/v1/models/*", route_of(context, serve_one));
}

}  // namespace corral::api::openai
