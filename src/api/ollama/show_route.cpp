#include "api/models/model_lookup.hpp"
#include "api/models/role_word.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"

namespace corral::api::ollama {

namespace {

constexpr const char* unreadable_variant_error =
    "the file of this model cannot be read; the log of the server says why";

// Only what is known: of the vocabulary its size, of the network nothing but the context.
void write_model_info(json_writer& json, const generation::served_model& model, std::string_view basename) {
    const catalog::model_entry& entry = *model.entry;
    json.key("model_info").begin_object().member("general.architecture", entry.family);
    json.member("general.basename", basename);
    if (parameter_count(parameter_size_of(model)) > 0) {
        json.count("general.parameter_count", parameter_count(parameter_size_of(model)));
        json.member("general.size_label", parameter_size_of(model));
    }
    json.member("general.type", "model");
    if (shown_context(model) > 0) {
        json.count(entry.family + ".context_length", shown_context(model));
    }
    if (entry.context.vocabulary > 0) {
        json.count(entry.family + ".vocab_size", entry.context.vocabulary);
    }
    json.end_object();
}

void write_messages(json_writer& json, const generation::model_variant& variant) {
    json.key("messages").begin_array();
    for (const chat::message& each : variant.messages) {
        json.begin_object().member("role", role_word(each.from)).member("content", each.content);
        if (!each.thinking.empty()) {
            json.member("thinking", each.thinking);
        }
        json.end_object();
    }
    json.end_array();
}

std::string describe(const generation::served_model& model, std::string_view basename) {
    json_writer json;
    // Typed clients want these four as texts, so none is left out.
    json.begin_object()
        .member("license", license_of(model))
        .member("modelfile", modelfile_text(model))
        .member("parameters", parameter_lines(model))
        .member("template", template_of(model));
    if (const std::string system = system_of(model); !system.empty()) {
        json.member("system", system);
    }
    write_details(json, model, false);
    if (model.variant != nullptr && !model.variant->messages.empty()) {
        write_messages(json, *model.variant);
    }
    write_model_info(json, model, basename);
    write_capabilities(json, model);
    json.member("modified_at", local_stamp(model.modified)).end_object();
    return json.take();
}

// The model's name without its tag; as requested for the one client that compares it
// (docs/facts/ollama_wire.md#listings).
std::string basename_for(const http::request& incoming, const catalog::model_entry& entry,
                         const std::string& typed) {
    if (incoming.headers.find("User-Agent").starts_with("GitHubCopilotChat/")) {
        return typed;
    }
    return entry.name.substr(0, entry.name.rfind(':'));
}

core::awaitable<void> serve_show(const generation::model_directory* models, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    const nlohmann::ordered_json body = read_small_object(incoming.body, "api.ShowRequest", problem);
    const json_fields fields(body, "ShowRequest", problem);
    const std::string typed = read_model_name(fields);
    static_cast<void>(fields.boolean("verbose"));  // there are no long arrays to leave out
    generation::served found;
    if (!problem.found()) {
        lookup_words words;
        words.display_form = true;
        generation::served named = find_model(*models, typed, words, problem);
        found = co_await models->whole(named);
        if (named != nullptr && found == nullptr) {
            problem.set(unreadable_variant_error, 500);
        }
    }
    if (found == nullptr) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    std::string description = describe(*found, basename_for(incoming, *found->entry, typed));
    co_await send_json(std::move(description), out);
}

}  // namespace

void add_show_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/show",
               [models = context.models](const http::request& incoming, http::response_writer& out) {
                   return serve_show(models, incoming, out);
               });
}

}  // namespace corral::api::ollama
