#include "api/capability_check.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/ollama/generation_route.hpp"
#include "api/ollama/message_reader.hpp"
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
void check_prompting(const served_model& model, const generate_fields& asked, decode_problem& problem) {
    if (asked.raw && (asked.has_template || !asked.system.empty() || asked.has_context)) {
        problem.set("raw mode does not support template, system, or context");
    }
    if (asked.raw) {
        problem.set(
            "raw is not supported: the runtime's own tokenizer service wraps every prompt in a chat "
            "template");
    }
    if (!asked.suffix.empty()) {
        problem.set(long_name(model) + " does not support insert");
    }
    if (asked.has_template) {
        problem.set("template is not supported: this model's chat format is fixed");
    }
    if (asked.has_context) {
        problem.set("context is not supported: send the conversation as messages to /api/chat");
    }
}

void check(const served_model& model, const generate_fields& asked, decode_problem& problem) {
    check_prompting(model, asked, problem);
    check_features(model, asked.common, "generate", problem);
    refuse_images(model, asked.has_images, problem);
}

bool is_empty(const generate_fields& asked) {
    return asked.prompt.empty();
}

void fill(generate_fields& asked, chat::generation_request& request) {
    std::vector<chat::message>& out = request.messages;
    if (!asked.system.empty()) {
        chat::message system;
        system.from = chat::role::system;
        system.content = std::move(asked.system);
        out.push_back(std::move(system));
    }
    chat::message prompt;
    prompt.content = std::move(asked.prompt);
    out.push_back(std::move(prompt));
}

}  // namespace

void add_generate_route(http::router& routes, const api_context& context) {
    lookup_words words;
    words.missing = "model '' not found";
    words.missing_status = 404;
    const generation_route<generate_fields> route{
        reply_kind::generate, words, read_generate, is_empty, check, fill};
    routes.add("POST", "/api/generate",
               [context, route](const http::request& incoming, http::response_writer& out) {
                   return serve_generation(context, incoming, out, route);
               });
}

}  // namespace corral::api::ollama
