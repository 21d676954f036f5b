#include "cli/base/command.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command_source.hpp"
#include "cli/base/help_text.hpp"
#include "cli/base/terminal.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::cli {

namespace {

struct command_entry {
    command_adder add;
    const char* group;    // of the help; empty: not for people
    const char* example;  // empty: none
};

// In the order of the help; one line each.
// clang-format off
constexpr auto commands = std::to_array<command_entry>({
    {add_serve_command, "Serve", "corral serve --config corral.toml"},
    {add_reload_command, "Serve", "corral check && corral reload"},
    {add_upgrade_command, "Serve", "corral upgrade /usr/local/bin/corral"},
    {add_unit_command, "Serve", "corral unit --write"},
    {add_key_command, "Serve", "corral key new anna"},
    {add_connect_command, "Serve", "corral connect opencode --write"},
    {add_run_command, "Models", "corral run qwen3:4b \"Why is the sky blue?\""},
    {add_import_command, "Models", "corral import /srv/models/Qwen3-4B"},
    {add_pull_command, "Models", "corral pull qwen3:4b"},
    {add_search_command, "Models", "corral search qwen3"},
    {add_list_command, "Models", "corral list"},
    {add_show_command, "Models", "corral show qwen3:4b"},
    {add_rm_command, "Models", "corral rm qwen3:4b"},
    {add_prune_command, "Models", "corral prune"},
    {add_check_command, "Models", "corral check /etc/corral/corral.toml"},
    {add_ui_command, "Inspect", "sudo corral ui"},
    {add_status_command, "Inspect", "corral status --watch"},
    {add_top_command, "Inspect", "corral top"},
    {add_ps_command, "Inspect", "corral ps"},
    {add_logs_command, "Inspect", "corral logs -f qwen3:4b/runtime"},
    {add_doctor_command, "Inspect", "corral doctor"},
    {add_explain_command, "Inspect", "corral explain request.queue-full"},
    {add_support_command, "Inspect", "corral support"},
    {add_report_command, "Inspect", "corral report --show"},
    {add_bench_command, "Inspect", "corral bench qwen3:4b"},
    {add_tokens_command, "Inspect", "corral tokens qwen3:4b \"Why is the sky blue?\""},
    {add_start_command, "Operate", "corral start qwen3:4b --wait"},
    {add_stop_command, "Operate", "corral stop qwen3:4b"},
    {add_restart_command, "Operate", "corral restart qwen3:4b --wait"},
    {add_pin_command, "Operate", "corral pin qwen3:4b"},
    {add_unpin_command, "Operate", "corral unpin qwen3:4b"},
    {add_drain_command, "Operate", "corral drain --wait"},
    {add_undrain_command, "Operate", "corral undrain"},
    {add_fleet_command, "Operate", "corral fleet status boxes.toml"},
    {add_help_command, "The program itself", "corral help import"},
    {add_version_command, "The program itself", "corral version --json"},
    {add_completion_command, "The program itself", "corral completion bash > /etc/bash_completion.d/corral"},
    {add_preflight_command, "", ""},
    {add_complete_command, "", ""},
    {add_man_command, "", ""},
});
// clang-format on

std::string version_line() {
    return "corral " + std::string(version);
}

const CLI::App* command_of(const CLI::App& program, std::string_view name) {
    const auto all = program.get_subcommands([](const CLI::App*) { return true; });
    const auto found = std::ranges::find(all, name, [](const CLI::App* app) { return app->get_name(); });
    return found == all.end() ? nullptr : *found;
}

std::vector<std::string> names_of_commands(const CLI::App& program) {
    std::vector<std::string> out;
    for (const CLI::App* one :
         program.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
        out.push_back(one->get_name());
    }
    return out;
}

// App::help() would give that of the command that was typed.
std::string help_of(const CLI::App& command, const std::string& words) {
    return command.get_formatter()->make_help(&command, words, CLI::AppFormatMode::Normal);
}

int fail_by_words(const std::string& why) {
    return fail(telemetry::printable(why, 1000), wrong_words);
}

// Before the words are understood, for they may not be.
bool wants_json(int argc, const char* const* argv) {
    const std::vector<std::string_view> words(argv, argv + argc);
    const auto end = std::ranges::find(words, "--");
    return std::find(words.begin(), end, "--json") != end;
}

// Words of Ollama, of package managers and of habit, which no letters tell from another command.
constexpr auto other_words = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"add", "import"},
    {"ask", "run"},
    {"chat", "run"},
    {"create", "import"},
    {"delete", "rm"},
    {"download", "pull"},
    {"find", "search"},
    {"health", "status"},
    {"info", "show"},
    {"install", "import"},
    {"models", "list"},
    {"remove", "rm"},
    {"uninstall", "rm"},
    {"unload", "stop"},
});

std::string command_meant_by(const std::string& typed, const CLI::App& program) {
    const auto* const known =
        std::ranges::find(other_words, typed, [](const auto& one) { return one.first; });
    return known != other_words.end() ? std::string(known->second)
                                      : catalog::nearest(typed, names_of_commands(program));
}

core::reason no_such_command(const std::string& typed, const CLI::App& program) {
    const std::string meant = command_meant_by(typed, program);
    return meant.empty() ? core::say("command.unknown/command", typed)
                         : core::say("command.unknown/command-meant", typed, meant);
}

// CLI11 takes a word that it does not know for a missing command.
bool is_unknown_command(const CLI::App& program, std::string_view word) {
    return !word.starts_with('-') && command_of(program, word) == nullptr;
}

// "status" of "corral status", "key new" of "corral key new".
const CLI::App& innermost(const CLI::App& program, std::string& words) {
    const CLI::App* at = &program;
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        words += " " + at->get_name();
    }
    return *at;
}

// CLI11's words name neither the option that was meant nor the commands that could follow.
core::reason misread(const CLI::App& program, const CLI::App& command, const std::string& called,
                     const CLI::ParseError& why) {
    const std::vector<std::string> further = names_of_commands(command);
    const bool lacks_command = dynamic_cast<const CLI::RequiredError*>(&why) != nullptr && !further.empty();
    if ((lacks_command || dynamic_cast<const CLI::ExtrasError*>(&why) != nullptr) &&
        !command.remaining().empty()) {
        const std::string word = telemetry::printable(command.remaining().front());
        if (!word.starts_with('-')) {
            return lacks_command ? core::say("command.unknown/inner", "corral" + called, word)
                                 : core::say("command.unknown/many", word, called);
        }
        std::vector<std::string> names;
        for (const CLI::Option* const one : command.get_options()) {
            for (const std::string& name : one->get_lnames()) {
                names.push_back("--" + name);
            }
        }
        const std::string meant = catalog::nearest(word, names);
        return meant.empty() ? core::say("command.unknown/option", called, word)
                             : core::say("command.unknown/option-meant", called, word, meant);
    }
    const auto before = program.remaining();
    const auto early =
        std::ranges::find_if(before, [](const std::string& word) { return word.starts_with('-'); });
    if (!called.empty() && early != before.end()) {
        return core::say("command.unknown/early", telemetry::printable(*early), called);
    }
    if (lacks_command && !called.empty()) {
        return core::say("command.unknown/needs", called, core::joined(further, ", "));
    }
    return core::reason::unlisted(std::string(why.what()) + ".");
}

int exit_status_of(const CLI::App& program, const CLI::ParseError& why) {
    if (why.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        return program.exit(why);  // prints the help, or the version
    }
    std::string called;
    const core::reason said = misread(program, innermost(program, called), called, why);
    return fail_by_words(core::say("command.unknown/help", said, called));
}

// All commands; where it stands, for the tree and the context know each other.
struct command_tree {
    explicit command_tree(const char* called) {
        program.require_subcommand(1);
        program.set_version_flag("-v,--version", version_line(), "Print the version");
        context.environment = known_environment();
        context.program = called;
        context.root = &program;
        for (const command_entry& each : commands) {
            each.add(program, context);
            CLI::App& command = *program.get_subcommands({}).back();
            command.group(each.group);
            if (*each.example != '\0') {
                const std::string more = command.get_footer();
                command.footer("Example: " + std::string(each.example) + (more.empty() ? "" : "\n" + more));
            }
        }
        shape_help(program, style_of(STDOUT_FILENO, context.environment).columns);
    }
    command_tree(const command_tree&) = delete;
    command_tree& operator=(const command_tree&) = delete;
    ~command_tree() = default;

    command_context context;
    CLI::App program{"Corral turns the LLM runtime of an edge NPU into a dependable Ollama server.",
                     "corral"};
};

}  // namespace

void add_help_command(CLI::App& program, command_context& context) {
    auto about = std::make_shared<std::vector<std::string>>();
    CLI::App* one = program.add_subcommand("help", "Show help for corral or one of its commands");
    one->add_option("command", *about, "Command, e.g. import or 'key new'; default: all")
        ->type_name("COMMAND");
    one->parse_complete_callback([about, &context] {
        context.run = [about, &context] {
            const CLI::App* found = context.root;
            std::string called = "corral";
            for (const std::string& word : *about) {
                const CLI::App* const inner = command_of(*found, word);
                if (inner == nullptr) {
                    return found == context.root
                               ? fail_by_words(no_such_command(word, *found))
                               : fail_by_words(core::say("command.unknown/help",
                                                         core::say("command.unknown/inner", called, word),
                                                         called.substr(6)));
                }
                found = inner;
                called += " " + word;
            }
            std::cout << help_of(*found, called);
            return static_cast<int>(succeeded);
        };
    });
}

void add_version_command(CLI::App& program, command_context& context) {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = program.add_subcommand("version", "Print the version");
    one->add_flag("--json", *as_json, "Print JSON");
    one->parse_complete_callback([as_json, &context] {
        context.run = [as_json] {
            if (*as_json) {
                std::cout << nlohmann::json{{"version", version}}.dump(2) << '\n';
            } else {
                std::cout << version_line() << '\n';
            }
            return static_cast<int>(succeeded);
        };
    });
}

std::string misunderstanding(const std::vector<std::string>& words) {
    command_tree tree("corral");
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    if (!words.empty() && is_unknown_command(tree.program, words.front())) {
        return no_such_command(words.front(), tree.program);
    }
    try {
        tree.program.parse(reversed);
    } catch (const CLI::ParseError& why) {
        const bool help = why.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
        return help ? std::string() : why.what();
    }
    return {};
}

bool is_command(const std::string& name) {
    command_tree tree("corral");
    return command_of(tree.program, name) != nullptr;
}

// "corral --url https://box status" is "corral status --url https://box": what names the box may stand in front.
std::vector<const char*> with_the_command_first(int argc, const char* const* argv) {
    constexpr std::array<std::string_view, 3> of_a_box{"--url", "--key-file", "--ca-file"};
    std::vector<const char*> words(argv, argv + argc);
    std::size_t command = 1;
    while (command < words.size()) {
        const std::string_view word = words[command];
        const std::string_view name = word.substr(0, word.find('='));
        if (std::ranges::find(of_a_box, name) == of_a_box.end()) {
            break;
        }
        command += name.size() == word.size() ? 2 : 1;
    }
    if (command > 1 && command < words.size()) {
        const auto first = words.begin() + 1;
        std::rotate(first, first + static_cast<std::ptrdiff_t>(command) - 1,
                    first + static_cast<std::ptrdiff_t>(command));
    }
    return words;
}

int run_command_line(int argc, const char* const* typed) {
    const std::vector<const char*> words = with_the_command_first(argc, typed);
    const char* const* const argv = words.data();
    command_tree tree(argv[0]);
    CLI::App& program = tree.program;
    command_context& context = tree.context;
    tell_failures_as_json(wants_json(argc, argv));
    if (argc < 2) {
        std::cout << program.help();
        return succeeded;
    }
    if (is_unknown_command(program, argv[1])) {
        return fail_by_words(no_such_command(argv[1], program));
    }
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& why) {
        return exit_status_of(program, why);
    }
    return run_told(context.run);
}

}  // namespace corral::cli
