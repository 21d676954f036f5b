#include "api/json/decoding.hpp"
#include "api/models/capability_check.hpp"
#include "api/ollama/conversation_context.hpp"
#include "api/ollama/generation_start.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"

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

core::awaitable<void> serve_chat(api_context context, const http::request& incoming,
                                 http::response_writer& out) {
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

// docs/facts/ollama_wire.md#generate-request.
struct generate_fields {
    common_fields common;
    std::string prompt;
    std::string suffix;
    std::string system;
    std::string prompt_template;
    std::vector<chat::message> so_far;  // the conversation that `context` stands for
    bool has_context = false;
    std::vector<chat::message> images;  // one message that holds them, if there are any
    bool raw = false;
};

// The tree of the body goes at once: a request may wait for long, and it is several times the text.
generate_fields read_generate(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_object(incoming.body, "api.GenerateRequest", problem);
    const json_fields fields(body, "GenerateRequest", problem);
    generate_fields out;
    out.common = read_common(fields);
    out.prompt = fields.text("prompt").value_or("");
    out.suffix = fields.text("suffix").value_or("");
    out.system = fields.text("system").value_or("");
    out.prompt_template = fields.text("template").value_or("");
    out.raw = fields.boolean("raw").value_or(false);
    if (chat::message holder; read_images(fields, holder)) {
        out.images.push_back(std::move(holder));
    }
    if (const auto* context = fields.array("context", "[]int")) {
        out.has_context = !context->empty();
        // In raw mode it is refused as such, whatever it holds.
        decode_problem unread;
        out.so_far = read_context(out.raw ? json_fields(body, "GenerateRequest", unread) : fields);
    }
    return out;
}

// First what also a load is refused for, and then what only a generation is
// (docs/facts/ollama_wire.md#generate-request, the order).
void check(generation_start& begun, const generate_fields& asked, decode_problem& problem) {
    const generation::served_model& model = *begun.model;
    if (asked.raw && (!asked.prompt_template.empty() || !asked.system.empty() || asked.has_context)) {
        problem.set(core::say("request.raw-with-system"));
    }
    check_abilities(model, asked.common, "generate", problem);
    if (!asked.suffix.empty() && !has_capability(model, "insert")) {
        problem.set(core::say("request.no-insert/support", long_name(model)));
    }
    fill_parameters(asked.common.options, begun.request, problem);
    if (begun.wanted != wish::generate) {
        return;
    }
    check_vision(model, !asked.images.empty(), asked.images, problem);
    if (!asked.images.empty() && (asked.raw || !asked.suffix.empty())) {
        problem.set(core::say("request.images-with-raw"));
    }
    check_answer_wishes(model, asked.common, problem);
}

chat::message message_of(chat::role role, std::string text) {
    chat::message out;
    out.from = role;
    out.content = std::move(text);
    return out;
}

// The system prompt of a request takes the place of the one that its context remembers.
std::vector<chat::message> conversation_of(generate_fields& asked) {
    std::vector<chat::message> out = std::move(asked.so_far);
    if (!asked.system.empty()) {
        std::erase_if(out, [](const chat::message& each) { return each.from == chat::role::system; });
        out.insert(out.begin(), message_of(chat::role::system, std::move(asked.system)));
    }
    out.push_back(message_of(chat::role::user, std::move(asked.prompt)));
    if (!asked.images.empty()) {
        out.back().images = std::move(asked.images.front().images);
    }
    return out;
}

void fill(generate_fields& asked, chat::generation_request& request, reply_encoder& encoder) {
    if (asked.raw) {
        request.raw_prompt = std::move(asked.prompt);
        return;
    }
    request.prompt_template = std::move(asked.prompt_template);
    if (!asked.suffix.empty()) {
        request.hole = chat::fill_in_middle{std::move(asked.prompt), std::move(asked.suffix)};
        return;
    }
    request.messages = conversation_of(asked);
    encoder.remember(request.messages);
}

core::awaitable<void> serve_generate(api_context context, const http::request& incoming,
                                     http::response_writer& out) {
    decode_problem problem;
    auto reading =
        decoded(context.decoding, incoming, problem, [&] { return read_generate(incoming, problem); });
    generate_fields asked = co_await std::move(reading);
    lookup_words words;
    words.missing = "request.no-model/nameless";
    words.missing_status = 404;
    generation_start begun = start(context, incoming, asked.common, asked.prompt.empty(), words, problem);
    if (begun.is_checked()) {
        check(begun, asked, problem);
    }
    if (begun.is_checked() && begun.wanted == wish::generate && !problem.found() && asked.suffix.empty()) {
        auto checking = check_template(context.decoding, incoming.client, *begun.model, asked.prompt_template,
                                       500, problem);
        co_await std::move(checking);
    }
    const bool stream = asked.common.stream;
    reply_encoder encoder(reply_kind::generate, asked.common.model);
    if (!problem.found() && begun.wanted == wish::generate) {
        fill(asked, begun.request, encoder);
    }
    co_await answer(context, incoming, problem, std::move(begun), stream, std::move(encoder), out);
}

}  // namespace

void add_chat_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/chat", route_of(context, serve_chat));
}

void add_generate_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/generate", route_of(context, serve_generate));
}

}  // namespace corral::api::ollama
