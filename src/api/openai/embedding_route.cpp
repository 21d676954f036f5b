#include <cstring>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/add_header.hpp"
#include "api/answer_stream.hpp"
#include "api/embedding.hpp"
#include "api/json/decoding.hpp"
#include "api/json/go_text.hpp"
#include "api/json/json_writer.hpp"
#include "api/models/model_lookup.hpp"
#include "api/openai/answer.hpp"
#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"
#include "api/request_start.hpp"
#include "corral/core/base64.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::openai {

namespace {

// docs/facts/ollama_wire.md#openai-models.
struct embedding_fields {
    std::string model;
    std::vector<std::string> texts;
    bool has_texts = true;  // `input` is texts, and not tokens
    std::size_t dimensions = 0;
    bool as_base64 = false;
};

void read_input(const json_fields& fields, embedding_fields& into) {
    const auto* input = fields.find("input");
    if (input == nullptr || (input->is_array() && input->empty())) {
        fields.problem().set(core::say("request.message-form/invalid-input"));
        return;
    }
    if (input->is_string()) {
        into.texts.push_back(input->get<std::string>());
        return;
    }
    into.has_texts = input->is_array();
    for (const auto& each : *input) {
        if (!each.is_string()) {
            into.has_texts = false;
            return;
        }
        into.texts.push_back(each.get<std::string>());
    }
}

embedding_fields read_embedding(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_plain_object(incoming, "openai.EmbedRequest", problem);
    const json_fields fields(body, "EmbedRequest", problem);
    embedding_fields out;
    out.model = fields.text("model").value_or("");
    const std::int64_t dimensions = fields.integer("dimensions").value_or(0);
    out.dimensions = dimensions > 0 ? static_cast<std::size_t>(dimensions) : 0;
    const std::string encoding = fields.text("encoding_format").value_or("");
    out.as_base64 = core::equal_ignoring_case(encoding, "base64");
    if (!encoding.empty() && !out.as_base64 && !core::equal_ignoring_case(encoding, "float")) {
        problem.set(core::say("request.field-value/value", echo_of(encoding)));
    }
    read_input(fields, out);
    return out;
}

// Little-endian, as all machines that Corral runs on have it.
std::string bytes_of(const std::vector<float>& vector) {
    std::string out(vector.size() * sizeof(float), '\0');
    std::memcpy(out.data(), vector.data(), out.size());
    return out;
}

std::string write_answer(const embedding_fields& fields, const embedding_answer& made) {
    json_writer json;
    json.begin_object().member("object", "list").key("data").begin_array();
    std::size_t index = 0;
    for (const std::vector<float>& vector : made.vectors) {
        json.begin_object().member("object", "embedding").key("embedding");
        if (fields.as_base64) {
            json.text(core::to_base64(bytes_of(vector)));
        } else {
            json.begin_array();
            for (const float each : vector) {
                json.real(each);
            }
            json.end_array();
        }
        json.count("index", index++).end_object();
    }
    json.end_array().member("model", fields.model).key("usage").begin_object();
    json.count("prompt_tokens", made.prompt_tokens).count("total_tokens", made.prompt_tokens);
    json.end_object().end_object();
    std::string out = json.take();
    out += '\n';
    return out;
}

core::awaitable<void> serve(api_context context, const http::request& incoming, http::response_writer& out) {
    decode_problem problem;
    auto reading =
        decoded(context.decoding, incoming, problem, [&] { return read_embedding(incoming, problem); });
    embedding_fields asked = co_await std::move(reading);
    http::response whole;
    if (problem.found()) {
        whole = rejection(problem);
        co_await out.send(std::move(whole));
        co_return;
    }
    if (!asked.has_texts) {
        problem.set(core::say("request.message-form/input"));
    }
    generation::served model;
    if (!problem.found()) {
        model = find_model(*context.models, asked.model, embedding_words, problem);
    }
    if (model == nullptr) {
        whole = error_response(problem.status, problem.message);
        co_await out.send(std::move(whole));
        co_return;
    }
    embedding_request what;
    what.id = new_request_id(context, incoming);
    what.client = incoming.client;
    what.address = address_for_log(incoming);
    what.texts = std::move(asked.texts);
    what.dimensions = asked.dimensions;
    what.arrived = incoming.arrived;
    what.when = urgency_of(context, incoming);
    what.memory = incoming.memory;
    const std::variant<embedding_answer, chat::failed_event> made =
        co_await embed(context, model, std::move(what));
    if (const auto* why = std::get_if<chat::failed_event>(&made)) {
        if (why->kind == chat::failure_kind::cancelled) {
            co_return;
        }
        whole = has_no_embeddings(*why) ? error_response(no_embeddings_status, why->message)
                                        : error_response(*why, asked.model);
        if (has_no_embeddings(*why)) {
            add_header(whole.headers, "x-should-retry", "false");
        }
    } else {
        const auto& vectors = std::get<embedding_answer>(made);
        std::function<std::string()> encode = [&] { return write_answer(asked, vectors); };
        whole.content_type = reply_type;
        whole.body = co_await encoded(context.decoding, vectors, std::move(encode));
        add_place(whole.headers, vectors.place);
    }
    co_await out.send(std::move(whole));
}

}  // namespace

void add_embedding_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/v1/embeddings", route_of(context, serve));
}

}  // namespace corral::api::openai
