#include "api/models/capability_check.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/ollama/generation_route.hpp"
#include "api/ollama/message_reader.hpp"
#include "api/ollama/routes.hpp"

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
    const nlohmann::ordered_json body = read_body(incoming.body, "ChatRequest", problem);
    const json_fields fields(body, "ChatRequest", problem);
    chat_fields out;
    out.common = read_common(fields);
    out.messages = read_messages(fields);
    out.tools = read_tools(fields);
    return out;
}

void check(const generation::served_model& model, const chat_fields& asked, decode_problem& problem) {
    check_abilities(model, asked.common, "chat", problem);
    check_tools(model, !asked.tools.is_null(), problem);
}

void check_content(const generation::served_model& model, const chat_fields& asked, decode_problem& problem) {
    refuse_images(model, asked.messages.has_images, problem);
    check_answer_wishes(asked.common, problem);
}

bool is_empty(const chat_fields& asked) {
    return asked.messages.all.empty();
}

void fill(chat_fields& asked, chat::generation_request& request, reply_encoder&) {
    request.messages = std::move(asked.messages.all);
    request.tools = std::move(asked.tools);
}

}  // namespace

void add_chat_route(http::router& routes, const api_context& context) {
    const generation_route<chat_fields> route{reply_kind::chat, {},  read_chat, is_empty, check,
                                              check_content,    fill};
    routes.add("POST", "/api/chat",
               [context, route](const http::request& incoming, http::response_writer& out) {
                   return serve_generation(context, incoming, out, route);
               });
}

}  // namespace corral::api::ollama
