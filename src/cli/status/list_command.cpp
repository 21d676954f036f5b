#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/status/model_listing.hpp"
#include "cli/status/model_page.hpp"
#include "cli/status/ollama_page.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::cli {

namespace {

struct listing_options {
    daemon_place place;
    std::string model;  // of ps: what the names begin with
    bool json = false;
    remote_box elsewhere;            // of ps
    std::vector<std::string> parts;  // of show: those that are wanted alone
};

std::string dumped(const control::admin_json& value) {
    return value.dump(2, ' ', false, control::admin_json::error_handler_t::replace) + "\n";
}

int list(const listing_options& options, const command_context& context) {
    const known_models known = look_for_models(options.place, context.environment);
    if (!known.readable && known.status.is_null()) {
        return fail_to_read(known);
    }
    auto models = list_models(known.files, known.status);
    if (!known.readable) {
        for (listed_model& one : models) {
            one.note = core::say("command.list-note/configuration");
        }
    }
    if (options.json) {
        std::cout << dumped({{"daemon", known.status.is_object()},
                             {"configuration", known.file.string()},
                             {"models_directory", known.files.models_directory.string()},
                             {"errors", known.errors},
                             {"models", listing_json(models)}});
    } else {
        if (known.status.is_null()) {
            std::cerr << "no daemon answers, so this is what the files say: " << known.file.string()
                      << " and its manifests (" << known.silent << ")\n";
        }
        if (models.empty()) {
            std::cerr << "there is no model yet: 'corral search' lists what fits this box, 'corral pull "
                         "NAME' fetches one\n";
        }
        for (const std::string& each : known.errors) {
            std::cerr << "error: " << each << '\n';
        }
        std::cout << listing_text(models, style_of(STDOUT_FILENO, context.environment));
    }
    return known.readable ? succeeded : bad_configuration;
}

// `running`: the answer of /api/ps.
void print_loaded(std::vector<listed_model> models, const core::result<control::admin_json>& running,
                  const listing_options& options, const command_context& context) {
    std::erase_if(models, [](const listed_model& one) {
        return one.state != "ready" && one.state != "loading" && one.state != "stopping";
    });
    const control::admin_json said = running ? *running : control::admin_json::object();
    if (options.json) {
        std::erase_if(models, [&](const listed_model& one) { return !one.name.starts_with(options.model); });
        std::cout << dumped({{"models", loaded_json(models, said)}});
    } else {
        std::cout << loaded_text(models, said, options.model, std::chrono::system_clock::now(),
                                 style_of(STDOUT_FILENO, context.environment));
    }
}

// Of another machine, whose files are not known here.
int list_loaded_elsewhere(const listing_options& options, const command_context& context) {
    const auto status = ask_remote(options.elsewhere, "status", {}, context.environment);
    if (!status) {
        return fail(status.error().message);
    }
    auto models = list_models({}, *status);
    for (listed_model& one : models) {
        one.note.clear();
    }
    print_loaded(std::move(models), ask_remote(options.elsewhere, "/api/ps", {}, context.environment),
                 options, context);
    return succeeded;
}

// What has processes now, as a running daemon says.
int list_loaded(const listing_options& options, const command_context& context) {
    if (!options.elsewhere.url.empty()) {
        return list_loaded_elsewhere(options, context);
    }
    const auto places = sockets_of(options.place, context.environment);
    if (const auto right = check_daemon(options.place, places); !right) {
        return fail_to_ask(right.error(), options.place, places);
    }
    const auto status = control::ask_daemon(places, {}, core::seconds{10});
    if (!status) {
        return fail_to_ask(status.error(), options.place, places);
    }
    const known_models known = look_for_models(options.place, context.environment);
    print_loaded(list_models(known.files, *status),
                 control::ask_daemon(places, question_of("/api/ps", {}), core::seconds{10}), options,
                 context);
    return succeeded;
}

control::admin_json status_of(const control::admin_json& status, const std::string& name) {
    if (!status.is_object() || !status.contains("models") || !status["models"].is_array()) {
        return nullptr;
    }
    for (const control::admin_json& one : status["models"]) {
        if (one.is_object() && serves(one, name)) {
            return one;
        }
    }
    return nullptr;
}

// Of the last day with answers; null: no daemon answers, or the model has written nothing yet.
control::admin_json speed_of(const listing_options& options, const command_context& context,
                             const std::string& name) {
    const auto reply = control::ask_daemon(sockets_of(options.place, context.environment),
                                           question_of("/corral/v1/speeds", {}), core::seconds{10});
    for (const control::admin_json& one :
         reply ? reported_objects(*reply, "models") : std::vector<control::admin_json>{}) {
        const auto days = reported_objects(one, "days");
        if (reported_text(one, "name") == name && !days.empty() &&
            reported_amount(days.back(), "seconds") > 0) {
            return {{"day", reported_text(days.back(), "day")},
                    {"tokens_per_second",
                     reported_amount(days.back(), "tokens") / reported_amount(days.back(), "seconds")},
                    {"change", reported_text(one, "change")}};
        }
    }
    return nullptr;
}

control::admin_question show_question(const listing_options& options) {
    return {"POST", "/api/show", {{"model", options.model}, {"verbose", options.place.verbose}}};
}

// One of the texts that Ollama's `show` has an option for, as it prints it.
int show_part(const listing_options& options, const command_context& context) {
    const std::string& part = options.parts.front();
    const auto places = sockets_of(options.place, context.environment);
    if (const auto right = check_daemon(options.place, places); !right) {
        return fail_to_ask(right.error(), options.place, places);
    }
    const auto reply = control::ask_daemon(places, show_question(options), core::seconds{10});
    if (!reply) {
        return fail_to_ask(reply.error(), options.place, places);
    }
    if (reply->value("ok", control::admin_json(false)) != true) {
        return fail(reported_text(*reply, "error"));
    }
    std::cout << core::text_at(*reply, part.c_str()) << (part == "system" || part == "template" ? "" : "\n");
    return succeeded;
}

// What its server says of it, where the files need not.
void take_served(control::admin_json& facts, const control::admin_json& info) {
    const std::string architecture = core::text_at(info, "general.architecture");
    if (architecture.empty()) {
        return;
    }
    facts["architecture"] = architecture;
    const std::string length = architecture + ".embedding_length";
    if (const auto told = core::number_at<std::uint64_t>(info, length.c_str())) {
        facts["embedding_length"] = *told;
    }
}

int show(const listing_options& options, const command_context& context) {
    if (options.parts.size() > 1) {
        return fail(
            "only one of '--license', '--modelfile', '--parameters', '--system', or '--template' can be "
            "specified",
            wrong_words);
    }
    if (!options.parts.empty()) {
        return show_part(options, context);
    }
    const known_models known = look_for_models(options.place, context.environment);
    if (!known.readable) {
        return fail_to_read(known);
    }
    const auto reply = known.status.is_object()
                           ? control::ask_daemon(sockets_of(options.place, context.environment),
                                                 show_question(options), core::seconds{10})
                           : core::result<control::admin_json>(control::admin_json::object());
    const bool served_so = reply && reply->contains("model_info");
    const catalog::model_entry* model = config::find_model(known.files, options.model);
    if (model == nullptr && served_so) {  // made by a client, of another that has a file
        model = config::find_model(
            known.files,
            reported_text(reply->value("details", control::admin_json::object()), "parent_model"));
    }
    if (model == nullptr) {
        std::vector<std::string> left_out;
        for (const config::left_out_manifest& one : known.files.left_out) {
            for (const catalog::diagnostic& problem : one.problems) {
                left_out.push_back("left out: " + catalog::to_text(problem));
            }
        }
        return fail(no_such_model(known.files, options.model), failed, left_out);
    }
    control::admin_json served = status_of(known.status, model->name);
    if (served.is_null() && known.status.is_object()) {
        const std::string why = left_out_there(known.status, model->source.string());
        served = why.empty() ? control::admin_json{{"state", "new"},
                                                   {"reason", "not served yet; say 'corral reload'"}}
                             : control::admin_json{{"state", "left out"}, {"reason", why}};
    }
    const auto file = engine::facts_in(engine::files_of(*model), options.place.verbose);
    control::admin_json facts = model_facts(*model, served, file);
    if (served_so) {
        take_served(facts, (*reply)["model_info"]);
    }
    facts["speed"] =
        known.status.is_object() ? speed_of(options, context, model->name) : control::admin_json(nullptr);
    if (options.json) {
        std::cout << dumped(facts);
        return succeeded;
    }
    const text_style style = style_of(STDOUT_FILENO, context.environment);
    const std::string sections =
        shown_sections(served_so ? *reply : shown_by_files(*model, file), options.place.verbose, style);
    std::cout << wrapped(sections + model_page(facts, style), style);
    return succeeded;
}

using action = int (*)(const listing_options&, const command_context&);

CLI::App* add(CLI::App& program, command_context& context, const std::shared_ptr<listing_options>& asked,
              const char* name, const char* about, action what) {
    CLI::App* one = program.add_subcommand(name, about);
    one->add_flag("--json", asked->json, "Print JSON");
    add_daemon_options(*one, asked->place);
    one->parse_complete_callback(
        [asked, what, &context] { context.run = [asked, what, &context] { return what(*asked, context); }; });
    return one;
}

}  // namespace

void add_list_command(CLI::App& program, command_context& context) {
    add(program, context, std::make_shared<listing_options>(), "list",
        "List the configured models and their states", list);
}

void add_ps_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<listing_options>();
    CLI::App* one =
        add(program, context, asked, "ps", "List the models that are loaded or loading", list_loaded);
    one->add_option("prefix", asked->model, "Only models whose names start with this")->type_name("PREFIX");
    add_remote_options(*one, asked->elsewhere);
}

void add_show_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<listing_options>();
    CLI::App* one = add(program, context, asked, "show", "Show everything known about a model", show);
    one->add_option("model", asked->model, "The model, by name or alias")->type_name("MODEL")->required();
    one->add_flag("-v", asked->place.verbose, "Also show the metadata and tensors from the model's file");
    for (const char* const part : {"license", "modelfile", "parameters", "system", "template"}) {
        one->add_flag_callback(
            std::string("--") + part, [asked, part] { asked->parts.emplace_back(part); },
            std::string("Print only its ") + part + ", as the running Corral reports it");
    }
}

}  // namespace corral::cli
