#include "api/ollama/error_reply.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/ollama/generation_start.hpp"
#include "api/ollama/message_reader.hpp"
#include "api/ollama/model_lookup.hpp"
#include "api/ollama/options.hpp"
#include "api/ollama/routes.hpp"

namespace corral::api::ollama {

namespace {

// ollama_wire.md §2.1.
struct generate_fields {
    common_fields common;
    std::string prompt;
    std::string suffix;
    std::string system;
    bool has_template = false;
    bool has_context = false;
    bool has_images = false;
    bool raw = false;
};

// The tree of the body goes at once: a request may wait for long, and it is several times the text.
generate_fields read_generate(const http::request& incoming, decode_problem& problem) {
    const nlohmann::ordered_json body = read_body(incoming.body, "GenerateRequest", problem);
    const json_fields fields(body, "GenerateRequest", problem);
    generate_fields out;
    out.common = read_common(fields);
    out.prompt = fields.text("prompt").value_or("");
    out.suffix = fields.text("suffix").value_or("");
    out.system = fields.text("system").value_or("");
    out.has_template = !fields.text("template").value_or("").empty();
    out.raw = fields.boolean("raw").value_or(false);
    out.has_images = read_images(fields);
    if (const auto* context = fields.array("context", "[]int")) {
        out.has_context = !context->empty();
    }
    return out;
}

// Raw mode, then what differs from the model's own way of prompting: none of it can be carried by this kind
// of runtime.
void check_prompting(const catalog::model_entry& entry, const generate_fields& asked,
                     decode_problem& problem) {
    if (asked.raw && (asked.has_template || !asked.system.empty() || asked.has_context)) {
        problem.set("raw mode does not support template, system, or context");
    }
    if (asked.raw) {
        problem.set(
            "raw is not supported: the runtime's own tokenizer service wraps every prompt in a chat "
            "template");
    }
    if (!asked.suffix.empty()) {
        problem.set(long_name(entry) + " does not support insert");
    }
    if (asked.has_template) {
        problem.set("template is not supported: this model's chat format is fixed");
    }
    if (asked.has_context) {
        problem.set("context is not supported: send the conversation as messages to /api/chat");
    }
}

void check(const catalog::model_entry& entry, const generate_fields& asked, decode_problem& problem) {
    check_prompting(entry, asked, problem);
    check_features(entry, asked.common, "generate", problem);
    refuse_images(entry, asked.has_images, problem);
}

std::vector<chat::message> conversation(generate_fields& asked) {
    std::vector<chat::message> out;
    if (!asked.system.empty()) {
        chat::message system;
        system.from = chat::role::system;
        system.content = std::move(asked.system);
        out.push_back(std::move(system));
    }
    chat::message prompt;
    prompt.content = std::move(asked.prompt);
    out.push_back(std::move(prompt));
    return out;
}

core::awaitable<void> serve_generate(api_context context, const http::request& incoming,
                                     http::response_writer& out) {
    decode_problem problem;
    generate_fields asked = read_generate(incoming, problem);
    const bool unload = asked.prompt.empty() && unloads(asked.common);
    chat::generation_request request;
    const served_model* model = nullptr;
    if (!problem.found()) {
        lookup_words words;
        words.missing = "model '' not found";
        words.missing_status = 404;
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
    reply_encoder encoder(reply_kind::generate, asked.common.model, *context.random);
    if (unload) {
        co_await answer_unload(model, std::move(encoder), out);
    } else if (asked.prompt.empty()) {
        co_await answer_load(context, *model, std::move(encoder), out);
    } else {
        request.messages = conversation(asked);
        co_await answer_generation(context, std::move(request), std::move(encoder), asked.common.stream, out);
    }
}

}  // namespace

void add_generate_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/generate", [context](const http::request& incoming, http::response_writer& out) {
        return serve_generate(context, incoming, out);
    });
}

}  // namespace corral::api::ollama
