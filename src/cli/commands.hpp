#pragma once
// Every command of the program; see command.hpp.

#include "command.hpp"

namespace corral::cli {

void add_serve_command(CLI::App& program, command_context& context);
void add_check_command(CLI::App& program, command_context& context);
void add_import_command(CLI::App& program, command_context& context);
void add_list_command(CLI::App& program, command_context& context);
void add_show_command(CLI::App& program, command_context& context);
void add_rm_command(CLI::App& program, command_context& context);
void add_doctor_command(CLI::App& program, command_context& context);
void add_bench_command(CLI::App& program, command_context& context);
void add_status_command(CLI::App& program, command_context& context);
void add_start_command(CLI::App& program, command_context& context);
void add_stop_command(CLI::App& program, command_context& context);
void add_restart_command(CLI::App& program, command_context& context);
void add_logs_command(CLI::App& program, command_context& context);
void add_reload_command(CLI::App& program, command_context& context);
void add_upgrade_command(CLI::App& program, command_context& context);
void add_key_command(CLI::App& program, command_context& context);
void add_completion_command(CLI::App& program, command_context& context);
void add_version_command(CLI::App& program, command_context& context);
void add_preflight_command(CLI::App& program, command_context& context);
void add_complete_command(CLI::App& program, command_context& context);
void add_man_command(CLI::App& program, command_context& context);

}  // namespace corral::cli
