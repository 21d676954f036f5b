#include <iostream>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "command_source.hpp"
#include "completion.hpp"
#include "corral/control/admin_client.hpp"
#include "daemon_place.hpp"
#include "man_page.hpp"

namespace corral::cli {

namespace {

// A person waits with a finger on the tab key.
constexpr core::seconds daemon_limit{1};

void add_model(std::set<std::string>& out, const std::string& kind, const std::string& name,
               const std::vector<std::string>& services) {
    out.insert(name);
    if (kind == "SERVICE") {
        for (const std::string& service : services) {
            out.insert(name + "/" + service);
        }
    }
}

bool ask_for_names(std::set<std::string>& out, const std::string& kind, const command_context& context) {
    control::admin_json question;
    question["verb"] = "status";
    const auto status = control::ask_daemon(sockets_of({}, context.environment), question, daemon_limit);
    if (!status || !status->contains("models") || !(*status)["models"].is_array()) {
        return false;
    }
    const control::admin_json& models = (*status)["models"];
    for (const control::admin_json& model : models) {
        std::vector<std::string> services;
        const control::admin_json all =
            model.is_object() ? model.value("services", control::admin_json::array()) : control::admin_json();
        for (const control::admin_json& service : all) {
            services.push_back(service.value("name", std::string()));
        }
        if (model.is_object()) {
            add_model(out, kind, model.value("name", std::string()), services);
        }
    }
    return true;
}

// Of the daemon, else of the files; nothing where neither can be asked.
std::vector<std::string> names_of(const std::string& kind, const command_context& context) {
    std::set<std::string> out;
    if (!ask_for_names(out, kind, context)) {
        const auto read = config::load_configuration(source_of(std::nullopt, context.environment));
        for (const auto& model : read.value ? read.value->models : std::vector<catalog::model_entry>{}) {
            std::vector<std::string> services;
            for (const auto& service : model.runtime.services) {
                services.push_back(service.name);
            }
            add_model(out, kind, model.name, services);
        }
    }
    if (kind == "SERVICE") {
        out.insert("corral");
    }
    return {out.begin(), out.end()};
}

int print_candidates(const std::vector<std::string>& words, const command_context& context) {
    std::string problem;
    try {
        const completion found =
            complete(*context.root, words, [&](const std::string& kind) { return names_of(kind, context); });
        std::cout << completion_lines(found);
    } catch (const std::exception& error) {
        problem = error.what();  // of a daemon that speaks otherwise; a shell shows nothing then
    }
    return problem.empty() ? succeeded : failed;
}

}  // namespace

void add_completion_command(CLI::App& program, command_context& context) {
    auto shell = std::make_shared<std::string>();
    CLI::App* one = program.add_subcommand(
        "completion",
        "Print a script that makes a shell complete corral's words: eval \"$(corral completion bash)\"");
    one->add_option("shell", *shell, "The shell")
        ->type_name("bash|zsh|fish")
        ->required()
        ->check([](const std::string& name) {
            return completion_script(name) ? std::string() : "'" + name + "' is none of bash, zsh and fish";
        });
    one->parse_complete_callback([shell, &context] {
        context.run = [shell] {
            std::cout << *completion_script(*shell);
            return static_cast<int>(succeeded);
        };
    });
}

// Asked by those scripts; not for people.
void add_complete_command(CLI::App& program, command_context& context) {
    auto words = std::make_shared<std::vector<std::string>>();
    CLI::App* one = program.add_subcommand("complete", "Say what the last of some words could become");
    one->group("");
    one->add_option("words", *words);
    one->parse_complete_callback(
        [words, &context] { context.run = [words, &context] { return print_candidates(*words, context); }; });
}

// Run by the build; not for people.
void add_man_command(CLI::App& program, command_context& context) {
    CLI::App* one = program.add_subcommand("man", "Print the manual page");
    one->group("");
    one->parse_complete_callback([&context] {
        context.run = [&context] {
            std::cout << man_page(*context.root);
            return static_cast<int>(succeeded);
        };
    });
}

}  // namespace corral::cli
