#include <utility>

#include "api/answer_stream.hpp"
#include "api/embedding.hpp"
#include "api/failure_status.hpp"
#include "api/json/decoding.hpp"
#include "api/models/model_lookup.hpp"
#include "api/models/model_parameters.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"

namespace corral::api::ollama {

namespace {

constexpr std::size_t most_texts = 10'000;

struct embedding_fields {
    std::string model;
    std::vector<std::string> texts;
    bool truncate = true;
    std::size_t dimensions = 0;
    std::optional<core::nanoseconds> keep_alive;
};

// The two routes differ in what they read and in how they answer (docs/facts/ollama_wire.md#embeddings).
struct embedding_route {
    const char* go_type;
    lookup_words words;
    bool legacy;  // vectors as the runtime gave them; what it refuses is a 500
    void (*read_texts)(const json_fields& fields, embedding_fields& to);
    std::string (*encode)(const embedding_fields& fields, const embedding_answer& made);
};

void read_input(const json_fields& fields, embedding_fields& to) {
    const auto* input = fields.find("input");
    to.truncate = fields.boolean("truncate").value_or(true);
    to.dimensions =
        static_cast<std::size_t>(std::max<std::int64_t>(0, fields.integer("dimensions").value_or(0)));
    if (input == nullptr) {
        return;
    }
    if (input->is_string()) {
        if (const auto& text = input->get_ref<const std::string&>(); !text.empty()) {
            to.texts.push_back(text);
        }
        return;
    }
    if (!input->is_array()) {
        fields.problem().set(core::say("request.message-form/input"));
        return;
    }
    if (input->size() > most_texts) {
        fields.problem().set(core::say("request.too-many-parts/texts", most_texts));
        return;
    }
    for (const auto& each : *input) {
        if (!each.is_string()) {
            fields.problem().set(core::say("request.message-form/input"));
            return;
        }
        to.texts.push_back(each.get<std::string>());
    }
}

void read_prompt(const json_fields& fields, embedding_fields& to) {
    to.truncate = false;
    if (auto prompt = fields.text("prompt"); prompt && !prompt->empty()) {
        to.texts.push_back(std::move(*prompt));
    }
}

void write_vector(json_writer& json, const std::vector<float>& vector) {
    json.begin_array();
    for (const float each : vector) {
        json.real(each);
    }
    json.end_array();
}

// An answer without vectors is that of a load, and has no figures.
std::string encode_all(const embedding_fields& fields, const embedding_answer& made) {
    json_writer json;
    json.begin_object().member("model", fields.model).key("embeddings").begin_array();
    for (const std::vector<float>& each : made.vectors) {
        write_vector(json, each);
    }
    json.end_array();
    if (!made.vectors.empty()) {
        json.count("total_duration", made.total.count()).count("load_duration", made.load.count());
        json.count("prompt_eval_count", made.prompt_tokens);
    }
    json.end_object();
    return json.take();
}

// The numbers of the legacy route are 64 bits wide there, so they print with what a float's narrowing left.
std::string encode_one(const embedding_fields&, const embedding_answer& made) {
    json_writer json;
    json.begin_object().key("embedding").begin_array();
    if (!made.vectors.empty()) {
        for (const float each : made.vectors.front()) {
            json.real(static_cast<double>(each));
        }
    }
    json.end_array().end_object();
    return json.take();
}

embedding_fields read(const http::request& incoming, const embedding_route& route, decode_problem& problem) {
    const nlohmann::ordered_json body =
        read_object(incoming.body, std::string("api.") + route.go_type, problem);
    const json_fields fields(body, route.go_type, problem);
    embedding_fields out;
    out.model = fields.text("model").value_or("");
    out.keep_alive = read_keep_alive(fields);
    const auto* options = fields.object("options", "map[string]interface {}");
    route.read_texts(fields, out);
    if (options != nullptr) {
        chat::sampling unused_sampling;
        chat::limits unused_limits;
        read_parameters(*options, unused_sampling, unused_limits, problem);
    }
    return out;
}

core::awaitable<std::variant<embedding_answer, chat::failed_event>> make(const api_context& context,
                                                                         const http::request& incoming,
                                                                         generation::served model,
                                                                         embedding_fields& fields,
                                                                         bool legacy) {
    if (fields.texts.empty()) {
        const core::deadline until = urgency_of(context, incoming).until;
        std::optional<chat::failed_event> failed =
            co_await load_model(context, std::move(model), fields.keep_alive, until);
        if (failed) {
            co_return std::move(*failed);
        }
        co_return embedding_answer{};
    }
    embedding_request wanted;
    wanted.id = new_request_id(context, incoming);
    wanted.client = incoming.client;
    wanted.address = address_for_log(incoming);
    wanted.texts = std::move(fields.texts);
    wanted.truncate = fields.truncate;
    wanted.unit_length = !legacy;
    wanted.dimensions = fields.dimensions;
    wanted.memory = incoming.memory;
    wanted.keep_alive = fields.keep_alive;
    wanted.arrived = incoming.arrived;
    wanted.when = urgency_of(context, incoming);
    auto made = co_await embed(context, std::move(model), std::move(wanted));
    co_return made;
}

http::response refusal(const chat::failed_event& why, const std::string& typed, bool legacy) {
    constexpr unsigned server_error = 500;
    const bool of_the_text = has_no_embeddings(why) || why.kind == chat::failure_kind::context_too_long;
    if (!of_the_text) {
        return error_response(why, typed, json_type);
    }
    const unsigned status = has_no_embeddings(why) ? no_embeddings_status : status_of(why.kind);
    return error_response(legacy ? server_error : status, why.message);
}

// REQUIRES: `incoming` and `out` outlive the coroutine, as http::server promises.
core::awaitable<void> serve_embedding(api_context context, const http::request& incoming,
                                      http::response_writer& out, embedding_route route) {
    decode_problem problem;
    auto reading =
        decoded(context.decoding, incoming, problem, [&] { return read(incoming, route, problem); });
    embedding_fields asked = co_await std::move(reading);
    generation::served model;
    if (!problem.found() || problem.status == 500) {
        // A wrong option is Ollama's last complaint.
        decode_problem name_problem;
        model = find_model(*context.models, asked.model, route.words, name_problem);
        if (name_problem.found()) {
            problem = std::move(name_problem);
        }
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    auto made = co_await make(context, incoming, std::move(model), asked, route.legacy);
    if (const auto* why = std::get_if<chat::failed_event>(&made)) {
        if (why->kind != chat::failure_kind::cancelled) {
            http::response refused = refusal(*why, asked.model, route.legacy);
            co_await out.send(std::move(refused));
        }
        co_return;
    }
    const auto& vectors = std::get<embedding_answer>(made);
    std::function<std::string()> encode = [&] { return route.encode(asked, vectors); };
    http::response whole;
    whole.content_type = json_type;
    whole.body = co_await encoded(context.decoding, vectors, std::move(encode));
    add_place(whole.headers, vectors.place);
    co_await out.send(std::move(whole));
}

}  // namespace

void add_embedding_routes(http::router& routes, const api_context& context) {
    const embedding_route embed_route{"EmbedRequest", embedding_words, false, read_input, encode_all};
    lookup_words words = embedding_words;
    words.missing = "request.field-missing/model";
    words.missing_status = 400;
    const embedding_route legacy{"EmbeddingRequest", words, true, read_prompt, encode_one};
    const auto add = [&](const char* path, const embedding_route& route) {
        routes.add("POST", path, [context, route](const http::request& incoming, http::response_writer& out) {
            return serve_embedding(context, incoming, out, route);
        });
    };
    add("/api/embed", embed_route);
    add("/api/embeddings", legacy);
}

}  // namespace corral::api::ollama
