#include "cli/help/completion.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/help/man_page.hpp"
#include "corral/control/admin_client.hpp"

namespace corral::cli {

namespace {

// Where the words have led to.
struct place {
    const CLI::App* at = nullptr;
    const CLI::Option* wants_value = nullptr;  // of the option before
    std::size_t positional = 0;                // so many are there
    bool only_positional = false;              // after "--"
};

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool positional) {
    return app.get_options([&](const CLI::Option* one) {
        return one->get_positional() == positional && (positional || !one->get_group().empty());
    });
}

bool takes_value(const CLI::Option& one) {
    return one.get_items_expected_max() > 0;
}

const CLI::Option* find_option(const CLI::App& app, const std::string& word) {
    const std::vector<const CLI::Option*> all = options_of(app, false);
    const auto found =
        std::ranges::find_if(all, [&](const CLI::Option* one) { return one->check_name(word); });
    return found == all.end() ? nullptr : *found;
}

void step(place& now, const std::string& word) {
    if (now.wants_value != nullptr) {
        const bool may_be_absent = now.wants_value->get_items_expected_min() == 0;
        now.wants_value = nullptr;
        if (!may_be_absent || !word.starts_with("-")) {
            return;
        }
    }
    if (now.only_positional) {
        ++now.positional;
    } else if (word == "--") {
        now.only_positional = true;
    } else if (word.starts_with("-") && word.size() > 1) {
        const CLI::Option* const option = find_option(*now.at, word);
        now.wants_value = option != nullptr && takes_value(*option) ? option : nullptr;
    } else {
        const auto commands = shown_commands(*now.at);
        const auto found =
            std::ranges::find_if(commands, [&](const CLI::App* app) { return app->get_name() == word; });
        if (found != commands.end()) {
            now = {*found, nullptr, 0, false};
        } else {
            ++now.positional;
        }
    }
}

void add_values(completion& out, const CLI::Option& of, const CLI::App& command, const name_source& names) {
    const std::string kind = of.get_type_name();
    if (kind == "FILE") {
        out.files = true;
    } else if (kind == "DIR") {
        out.folders = true;
    } else if (kind == "MODEL" || kind == "SERVICE") {
        for (std::string& name : names(kind, command.get_name())) {
            out.candidates.push_back({std::move(name), {}});
        }
    } else if (kind.find('|') != std::string::npos) {
        for (std::size_t from = 0; from <= kind.size();) {
            const std::size_t end = std::min(kind.find('|', from), kind.size());
            out.candidates.push_back({kind.substr(from, end - from), {}});
            from = end + 1;
        }
    }
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find_first_of("\n\t"));
}

void add_options(completion& out, const CLI::App& app) {
    for (const CLI::Option* one : options_of(app, false)) {
        for (const std::string& name : one->get_lnames()) {
            out.candidates.push_back({"--" + name, first_line(one->get_description())});
        }
        if (one->get_lnames().empty()) {
            for (const std::string& name : one->get_snames()) {
                out.candidates.push_back({"-" + name, first_line(one->get_description())});
            }
        }
    }
}

constexpr std::string_view bash_script = R"(# Completion of corral(1) for bash.
_corral() {
    local line=${COMP_LINE:0:COMP_POINT} words current word head i
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[-1]}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
            :files) compopt -o default 2> /dev/null ;;
            :folders) compopt -o dirnames 2> /dev/null ;;
            *) COMPREPLY+=("$word") ;;
        esac
    done < <("${words[0]}" complete -- "${words[@]:1}" 2> /dev/null)
    # For readline a ':' may begin a new word.
    if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        head=${current%"${current##*:}"}
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"$head"}
        done
    fi
}
complete -F _corral corral
)";

constexpr std::string_view zsh_script = R"(#compdef corral
# Completion of corral(1) for zsh.
_corral() {
    local -a candidates
    local word about
    while IFS=$'\t' read -r word about; do
        case $word in
            :files) _files; return ;;
            :folders) _files -/; return ;;
            *) candidates+=("${word//:/\\:}${about:+:$about}") ;;
        esac
    done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)
    _describe corral candidates
}
if [[ $funcstack[1] == _corral ]]; then
    _corral "$@"
else
    compdef _corral corral
fi
)";

constexpr std::string_view fish_script = R"(# Completion of corral(1) for fish.
function __corral_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2> /dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':folders'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c corral -f -a '(__corral_complete)'
)";

struct shell {
    std::string_view name;
    std::string_view script;
};

constexpr std::array<shell, 3> shells{{
    {"bash", bash_script},
    {"zsh", zsh_script},
    {"fish", fish_script},
}};

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

bool ask_for_names(std::set<std::string>& out, const std::string& kind, const std::string& command,
                   const command_context& context) {
    const auto status = control::ask_daemon(sockets_of({}, context.environment), {}, daemon_limit);
    if (!status || !status->contains("models") || !(*status)["models"].is_array()) {
        return false;
    }
    const control::admin_json& models = (*status)["models"];
    for (const control::admin_json& model : models) {
        const bool own = reported_text(model, "source") != reported_text(*status, "configuration");
        if (!model.is_object() || !works_for(command, reported_text(model, "state"), own)) {
            continue;
        }
        out.insert(reported_text(model, "name"));
        for (const control::admin_json& instance : reported_instances(model)) {
            std::vector<std::string> services;
            for (const control::admin_json& service : reported_objects(instance, "services")) {
                services.push_back(reported_text(service, "name"));
            }
            if (kind == "SERVICE") {
                add_model(out, kind, reported_text(instance, "name"), services);
            }
        }
    }
    return true;
}

// Of the daemon, else of the files; nothing where neither can be asked.
std::vector<std::string> names_of(const std::string& kind, const std::string& command,
                                  const command_context& context) {
    std::set<std::string> out;
    if (!ask_for_names(out, kind, command, context)) {
        const auto read = config::load_configuration(source_of(std::nullopt, context.environment));
        for (const auto& model : read.value ? read.value->models : std::vector<catalog::model_entry>{}) {
            std::vector<std::string> services;
            for (const auto& service : model.runtime.services) {
                services.push_back(service.name);
            }
            if (works_for(command, {}, model.source.parent_path() == read.value->models_directory)) {
                add_model(out, kind, model.name, services);
            }
        }
    }
    if (kind == "SERVICE" && command == "logs") {
        out.insert("corral");
    }
    return {out.begin(), out.end()};
}

int print_candidates(const std::vector<std::string>& words, const command_context& context) {
    std::string problem;
    try {
        const completion found =
            complete(*context.root, words, [&](const std::string& kind, const std::string& command) {
                return names_of(kind, command, context);
            });
        std::cout << completion_lines(found);
    } catch (const std::exception& error) {
        problem = error.what();  // of a daemon that speaks otherwise; a shell shows nothing then
    }
    return problem.empty() ? succeeded : failed;
}

}  // namespace

bool works_for(const std::string& command, const std::string& state, bool own) {
    if (command == "start") {
        return state != "ready" && state != "loading";
    }
    if (command == "stop") {
        return state != "stopped" && state != "stopping";
    }
    return own || (command != "rm" && command != "pin" && command != "unpin");
}

completion complete(const CLI::App& root, const std::vector<std::string>& words, const name_source& names) {
    place now{&root, nullptr, 0, false};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        step(now, words[i]);
    }
    const std::string typed = words.empty() ? std::string() : words.back();
    completion out;
    const bool option_typed = !now.only_positional && typed.starts_with("-");
    if (now.wants_value != nullptr && !option_typed) {
        add_values(out, *now.wants_value, *now.at, names);
    } else if (option_typed) {
        add_options(out, *now.at);
    } else {
        for (const CLI::App* one : shown_commands(*now.at)) {
            out.candidates.push_back({one->get_name(), first_line(one->get_description())});
        }
        const std::vector<const CLI::Option*> positional = options_of(*now.at, true);
        if (now.positional < positional.size()) {
            add_values(out, *positional[now.positional], *now.at, names);
        } else if (out.candidates.empty() && !now.only_positional) {
            add_options(out, *now.at);
        }
    }
    std::erase_if(out.candidates, [&](const candidate& one) { return !one.word.starts_with(typed); });
    return out;
}

std::string completion_lines(const completion& found) {
    std::string out;
    for (const candidate& one : found.candidates) {
        out += one.word + (one.about.empty() ? "" : "\t" + one.about) + "\n";
    }
    return out + (found.files ? ":files\n" : found.folders ? ":folders\n" : "");
}

std::optional<std::string_view> completion_script(std::string_view name) {
    const auto found = std::ranges::find(shells, name, &shell::name);
    return found == shells.end() ? std::nullopt : std::optional(found->script);
}

void add_completion_command(CLI::App& program, command_context& context) {
    auto shell = std::make_shared<std::string>();
    CLI::App* one = program.add_subcommand(
        "completion", "Print a shell completion script: eval \"$(corral completion bash)\"");
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
    one->add_option("words", *words);
    one->parse_complete_callback(
        [words, &context] { context.run = [words, &context] { return print_candidates(*words, context); }; });
}

// Run by the build; not for people.
void add_man_command(CLI::App& program, command_context& context) {
    auto configuration = std::make_shared<std::string>();
    CLI::App* one = program.add_subcommand("man", "Print the manual page");
    one->add_option("--configuration", *configuration,
                    "Print the manual page of the configuration, from its page")
        ->type_name("FILE");
    one->parse_complete_callback([configuration, &context] {
        context.run = [configuration, &context] {
            if (configuration->empty()) {
                std::cout << man_page(*context.root);
                return static_cast<int>(succeeded);
            }
            const core::result<std::string> page = read_bounded(*configuration, 1024 * 1024);
            if (!page) {
                return fail(page.error().message);
            }
            std::cout << man_page_of(*page, "corral.toml",
                                     "configuration of Corral, its models and its profiles");
            return static_cast<int>(succeeded);
        };
    });
}

}  // namespace corral::cli
