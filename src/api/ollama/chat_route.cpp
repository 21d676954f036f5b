#include "api/ollama/error_reply.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/ollama/generation_start.hpp"
#include "api/ollama/message_reader.hpp"
#include "api/ollama/model_lookup.hpp"
#include "api/ollama/options.hpp"
#include "api/ollama/routes.hpp"

namespace corral::api::ollama {

namespace {

// ollama_wire.md §3.1.
struct chat_fields {
    common_fields common;
    chat_messages messages;
    nlohmann::ordered_json tools = nullptr;
};

// The tree of the body goes at once: a request may wait for long, and it is several times the text.
chat_fields read_chat(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_body(incoming.body, "ChatRequest", problem);
    const json_fields fields(body, "ChatRequest", problem);
    chat_fields out;
    out.common = read_common(fields);
    out.messages = read_messages(fields);
    out.tools = read_tools(fields);
    return out;
}

void check(const catalog::model_entry& entry, const chat_fields& asked, decode_problem& problem) {
    check_features(entry, asked.common, "chat", problem);
    check_tools(entry, asked.tools, problem);
    refuse_images(entry, asked.messages.has_images, problem);
}

core::awaitable<void> serve_chat(api_context context, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    chat_fields asked = read_chat(incoming, problem);
    const bool unload = asked.messages.all.empty() && unloads(asked.common);
    chat::generation_request request;
    const served_model* model = nullptr;
    if (!problem.found()) {
        const lookup_words words;
        model = find_model(*context.models, asked.common.model, words, problem);
    }
    if (model != nullptr && !unload) {
        request = new_request(context, incoming, *model, asked.common);
        check(*model->entry, asked, problem);
        if (!asked.common.options.is_null()) {
            read_options(asked.common.options, request, problem);
        }
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    reply_encoder encoder(reply_kind::chat, asked.common.model, *context.random);
    if (unload) {
        co_await answer_unload(model, std::move(encoder), out);
    } else if (asked.messages.all.empty()) {
        co_await answer_load(context, *model, std::move(encoder), out);
    } else {
        request.messages = std::move(asked.messages.all);
        request.tools = std::move(asked.tools);
        co_await answer_generation(context, std::move(request), std::move(encoder), asked.common.stream, out);
    }
}

}  // namespace

void add_chat_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/chat", [context](const http::request& incoming, http::response_writer& out) {
        return serve_chat(context, incoming, out);
    });
}

}  // namespace corral::api::ollama
