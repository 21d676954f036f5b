#include <functional>
#include <memory>
#include <utility>

#include "api/json/json_input.hpp"
#include "api/models/capability_check.hpp"
#include "api/models/model_lookup.hpp"
#include "api/models/role_word.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/request_body.hpp"
#include "api/ollama/routes.hpp"
#include "api/request_start.hpp"
#include "corral/api/variant_library.hpp"
#include "corral/core/say.hpp"
#include "corral/core/worker.hpp"
#include "corral/engine/shown_model.hpp"

namespace corral::api::ollama {

namespace {

// So long a disk may take; beyond it the answer has no tensors.
constexpr core::seconds longest_look{5};

void write_model_info(json_writer& json, const generation::served_model& model, std::string_view basename,
                      const std::shared_ptr<const engine::file_facts>& verbose) {
    engine::stated_model stated = model.runtime->stated();
    if (verbose != nullptr) {
        stated.facts = verbose;
    }
    json.key("model_info").tree(engine::shown_info(*model.entry, stated, basename, shown_context(model)));
    if (stated.facts != nullptr && stated.facts->projector.is_object()) {
        json.key("projector_info").tree(nlohmann::ordered_json(stated.facts->projector));
    }
}

void write_thinking(json_writer& json, const generation::served_model& model) {
    const engine::stated_model stated = model.runtime->stated();
    if (stated.facts != nullptr && stated.facts->thinking.is_object()) {
        json.key("thinking").begin_object();
        json.key("values").tree(nlohmann::ordered_json(stated.facts->thinking["values"]));
        json.key("default").tree(nlohmann::ordered_json(stated.facts->thinking["default"])).end_object();
    }
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

// What of it a client may have made as long as it likes: several times the texts of a variant.
void write_texts(json_writer& json, const generation::served_model& model) {
    // Typed clients want these four as texts, so none is left out.
    json.member("license", model.variant == nullptr ? std::string() : model.variant->license)
        .member("modelfile", modelfile_text(model))
        .member("parameters", parameter_lines(model))
        .member("template", template_of(model));
    if (const std::string system = system_of(model); !system.empty()) {
        json.member("system", system);
    }
}

std::size_t text_bytes(const generation::served_model& model) {
    if (model.variant == nullptr) {
        return 0;
    }
    const generation::model_variant& own = *model.variant;
    std::size_t all = own.system.size() + own.prompt_template.size() + own.license.size();
    for (const chat::message& each : own.messages) {
        all += each.content.size() + each.thinking.size();
    }
    return all;
}

// `model` outlives the wait. The backend is asked on the loop alone.
core::awaitable<std::string> describe(core::worker* elsewhere, const generation::served_model& model,
                                      std::shared_ptr<const engine::file_facts> verbose, std::string basename,
                                      std::string client) {
    constexpr std::size_t few = 16 * 1024;
    json_writer json;
    json.begin_object();
    std::function<void()> texts = [&] { write_texts(json, model); };
    core::worker* const where = text_bytes(model) > few ? elsewhere : nullptr;
    auto writing = core::run_on(where, std::move(texts), client);
    co_await std::move(writing);
    write_details(json, model, false);
    if (model.variant != nullptr && !model.variant->messages.empty()) {
        std::function<void()> messages = [&] { write_messages(json, *model.variant); };
        auto writing_messages = core::run_on(where, std::move(messages), client);
        co_await std::move(writing_messages);
    }
    write_model_info(json, model, basename, verbose);
    if (verbose != nullptr && !verbose->tensors.empty()) {
        std::function<void()> tensors = [&] { json.key("tensors").tree(verbose->tensors); };
        auto writing_tensors = core::run_on(elsewhere, std::move(tensors), client);
        co_await std::move(writing_tensors);
    }
    write_capabilities(json, model);
    write_thinking(json, model);
    json.member("modified_at", local_stamp(model.modified)).end_object();
    co_return json.take();
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

// Of a model of another key's: what its owner wrote stays there. It holds `model`, by which its backends are held.
generation::served without_texts(const generation::served& model) {
    auto content = std::make_shared<generation::model_variant>(*model->variant);
    content->system.clear();
    content->prompt_template.clear();
    content->license.clear();
    content->messages.clear();
    auto out = std::make_shared<std::pair<generation::served, generation::served_model>>(model, *model);
    out->second.variant = std::move(content);
    return generation::served(out, &out->second);
}

struct show_tools {
    const generation::model_directory* models = nullptr;
    const variant_library* variants = nullptr;
    core::worker* elsewhere = nullptr;
    core::disk_work* disk = nullptr;
};

core::awaitable<void> serve_show(show_tools with, const http::request& incoming, http::response_writer& out) {
    decode_problem problem;
    const nlohmann::ordered_json body = read_small_object(incoming.body, "api.ShowRequest", problem);
    const json_fields fields(body, "ShowRequest", problem);
    const std::string typed = read_model_name(fields);
    const bool verbose = fields.boolean("verbose").value_or(false);
    generation::served found;
    if (!problem.found()) {
        lookup_words words;
        words.display_form = true;
        generation::served named = find_model(*with.models, typed, words, problem);
        found = co_await with.models->whole(named);
        if (named != nullptr && found == nullptr) {
            problem.set(core::say("request.variant-unreadable/read"), 500);
        } else if (found != nullptr && found->variant != nullptr && with.variants != nullptr &&
                   with.variants->is_closed_to(variant_caller_of(incoming), found->name)) {
            found = without_texts(found);
        }
    }
    const auto facts = std::make_shared<std::shared_ptr<const engine::file_facts>>();
    if (verbose && found != nullptr && with.disk != nullptr) {
        engine::model_files files = engine::files_of(*found->entry);
        const core::deadline until = core::deadline::after(longest_look, core::steady_clock_source().now());
        auto looking = engine::look_into(with.disk, std::move(files), true, facts, until);
        co_await std::move(looking);
    }
    constexpr std::size_t copies = 3;  // as such, in the Modelfile, and escaped
    constexpr std::size_t line = 128;  // of a tensor
    const std::size_t tensors = *facts == nullptr ? 0 : (*facts)->tensors.size();
    if (found != nullptr && incoming.memory != nullptr &&
        !incoming.memory->take(copies * text_bytes(*found) + line * tensors)) {
        problem.set(core::say("request.no-memory"), 503);
        found = nullptr;
    }
    if (found == nullptr) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    auto describing = describe(with.elsewhere, *found, *facts, basename_for(incoming, *found->entry, typed),
                               incoming.client);
    std::string description = co_await std::move(describing);
    co_await send_json(std::move(description), out);
}

}  // namespace

void add_show_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/api/show",
               [with = show_tools{context.models, context.variants, context.decoding, context.disk}](
                   const http::request& incoming, http::response_writer& out) {
                   return serve_show(with, incoming, out);
               });
}

}  // namespace corral::api::ollama
