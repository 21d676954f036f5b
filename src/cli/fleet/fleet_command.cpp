#include "cli/fleet/fleet_command.hpp"

#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>

namespace corral::cli {

std::optional<boxes::boxes_file> boxes_of(const std::string& file) {
    boxes::boxes_reading read = boxes::read_boxes_file(file);
    for (const catalog::diagnostic& wrong : read.errors) {
        std::cerr << "error: " << catalog::to_text(wrong) << '\n';
    }
    return std::move(read.value);
}

void add_fleet_command(CLI::App& program, command_context& context) {
    CLI::App* fleet = program.add_subcommand("fleet", "Many boxes behind one address");
    fleet->require_subcommand(1);
    add_fleet_render(*fleet, context);
    add_fleet_status(*fleet, context);
}

}  // namespace corral::cli
