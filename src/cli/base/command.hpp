#pragma once
// What the commands of the program share. Each has a file of its own, adds itself to the parser, and says
// what is to be run when it was asked for; one line at the end of this header and one in the list of command_line.cpp.

#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "cli/base/failure.hpp"

namespace CLI {
class App;
}

namespace corral::cli {

struct command_context {
    std::map<std::string, std::string> environment;  // known_environment() of command_source.hpp
    std::string program;                             // as it was called
    const CLI::App* root = nullptr;                  // of all commands; complete when `run` is called
    std::function<int()> run;  // set, while the arguments are read, by the command that was asked for
};

// Adds a command. What its options are read into must live as long as the parser: usually a shared pointer
// that the command's callback holds. `context` is filled later and outlives the parser.
using command_adder = void (*)(CLI::App& program, command_context& context);

// In the order of the help.
void add_serve_command(CLI::App& program, command_context& context);
void add_check_command(CLI::App& program, command_context& context);
void add_import_command(CLI::App& program, command_context& context);
void add_pull_command(CLI::App& program, command_context& context);
void add_search_command(CLI::App& program, command_context& context);
void add_list_command(CLI::App& program, command_context& context);
void add_show_command(CLI::App& program, command_context& context);
void add_prune_command(CLI::App& program, command_context& context);
void add_rm_command(CLI::App& program, command_context& context);
void add_doctor_command(CLI::App& program, command_context& context);
void add_explain_command(CLI::App& program, command_context& context);
void add_support_command(CLI::App& program, command_context& context);
void add_bench_command(CLI::App& program, command_context& context);
void add_status_command(CLI::App& program, command_context& context);
void add_start_command(CLI::App& program, command_context& context);
void add_stop_command(CLI::App& program, command_context& context);
void add_restart_command(CLI::App& program, command_context& context);
void add_pin_command(CLI::App& program, command_context& context);
void add_unpin_command(CLI::App& program, command_context& context);
void add_drain_command(CLI::App& program, command_context& context);
void add_undrain_command(CLI::App& program, command_context& context);
void add_tokens_command(CLI::App& program, command_context& context);
void add_top_command(CLI::App& program, command_context& context);
void add_ui_command(CLI::App& program, command_context& context);
void add_logs_command(CLI::App& program, command_context& context);
void add_report_command(CLI::App& program, command_context& context);
void add_reload_command(CLI::App& program, command_context& context);
void add_upgrade_command(CLI::App& program, command_context& context);
void add_fleet_command(CLI::App& program, command_context& context);
void add_unit_command(CLI::App& program, command_context& context);
void add_key_command(CLI::App& program, command_context& context);
void add_completion_command(CLI::App& program, command_context& context);
void add_connect_command(CLI::App& program, command_context& context);
void add_run_command(CLI::App& program, command_context& context);
void add_ps_command(CLI::App& program, command_context& context);
void add_help_command(CLI::App& program, command_context& context);
void add_version_command(CLI::App& program, command_context& context);
void add_preflight_command(CLI::App& program, command_context& context);
void add_complete_command(CLI::App& program, command_context& context);
void add_man_command(CLI::App& program, command_context& context);

// Why the words after "corral" are not understood; empty: they would be run. Runs nothing.
[[nodiscard]] std::string misunderstanding(const std::vector<std::string>& words);
[[nodiscard]] bool is_command(const std::string& name);

// Runs the command that the arguments name; the exit status of the program.
[[nodiscard]] int run_command_line(int argc, const char* const* argv);

}  // namespace corral::cli
