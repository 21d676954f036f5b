#include "api/json/decoding.hpp"
#include "api/models/capability_check.hpp"
#include "api/ollama/generation_start.hpp"
#include "api/ollama/message_reader.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"

namespace corral::api::ollama {

namespace {

// docs/facts/ollama_wire.md#chat-request.
struct chat_fields {
    common_fields common;
    chat_messages messages;
    nlohmann::ordered_json tools = nullptr;
};

// The tree of the body goes at once: a request may wait for long, and it is several times the text.
chat_fields read_chat(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_object(incoming.body, "api.ChatRequest", problem);
    const json_fields fields(body, "ChatRequest", problem);
    chat_fields out;
    out.common = read_common(fields);
    out.messages = read_messages(fields);
    out.tools = read_tools(fields);
    return out;
}

// First what also a load is refused for, and then what only a generation is
// (docs/facts/ollama_wire.md#generate-request, the order).
void check(generation_start& begun, const chat_fields& asked, decode_problem& problem) {
    const generation::served_model& model = *begun.model;
    check_abilities(model, asked.common, "chat", problem);
    check_tools(model, !asked.tools.is_null(), problem);
    fill_parameters(asked.common.options, begun.request, problem);
    if (begun.wanted == wish::generate) {
        check_vision(model, asked.messages.has_images, asked.messages.all, problem);
        check_answer_wishes(model, asked.common, problem);
    }
}

void fill(chat_fields& asked, chat::generation_request& request, reply_encoder&) {
    request.messages = std::move(asked.messages.all);
    request.tools = std::move(asked.tools);
}

core::awaitable<void> serve(api_context context, const http::request& incoming, http::response_writer& out) {
    decode_problem problem;
    auto reading = decoded(context.decoding, incoming, problem, [&] { return read_chat(incoming, problem); });
    chat_fields asked = co_await std::move(reading);
    const lookup_words words;
    generation_start begun =
        start(context, incoming, asked.common, asked.messages.all.empty(), words, problem);
    if (begun.is_checked()) {
        check(begun, asked, problem);
    }
    const bool stream = asked.common.stream;
    reply_encoder encoder(reply_kind::chat, asked.common.model);
    if (!problem.found() && begun.wanted == wish::generate) {
        fill(asked, begun.request, encoder);
    }
    co_await answer(context, incoming, problem, std::move(begun), stream, std::move(encoder), out);
}

}  // namespace

void add_chat_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/chat", route_of(context, serve));
}

}  // namespace corral::api::ollama
