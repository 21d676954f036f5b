#include "cli/command.hpp"

#include <array>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command_source.hpp"
#include "corral/version.hpp"

namespace corral::cli {

namespace {

// In the order of the help; one line each.
// clang-format off
constexpr auto commands = std::to_array<command_adder>({
    add_serve_command,
    add_check_command,
    add_import_command,
    add_list_command,
    add_show_command,
    add_rm_command,
    add_doctor_command,
    add_bench_command,
    add_status_command,
    add_start_command,
    add_stop_command,
    add_restart_command,
    add_logs_command,
    add_reload_command,
    add_upgrade_command,
    add_key_command,
    add_completion_command,
    add_version_command,
    add_preflight_command,
    add_complete_command,
    add_man_command,
});
// clang-format on

}  // namespace

void add_version_command(CLI::App& program, command_context& context) {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = program.add_subcommand("version", "Print the version");
    one->add_flag("--json", *as_json, "As JSON");
    one->parse_complete_callback([as_json, &context] {
        context.run = [as_json] {
            if (*as_json) {
                std::cout << nlohmann::json{{"version", version}}.dump(2) << '\n';
            } else {
                std::cout << "corral " << version << '\n';
            }
            return static_cast<int>(succeeded);
        };
    });
}

int run_command_line(int argc, const char* const* argv) {
    CLI::App program("Corral turns the LLM runtime of an edge NPU into a dependable Ollama server.",
                     "corral");
    program.require_subcommand(1);
    command_context context;
    context.environment = known_environment();
    context.program = argv[0];
    context.root = &program;
    for (const command_adder add : commands) {
        add(program, context);
    }
    CLI11_PARSE(program, argc, argv);
    return context.run();
}

}  // namespace corral::cli
