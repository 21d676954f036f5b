#include "cli/fleet_command.hpp"

#include <utility>

#include <CLI/CLI.hpp>

#include "cli/fleet_discovery.hpp"

namespace corral::cli {

std::optional<boxes::boxes_file> boxes_of(const std::string& file) {
    boxes::boxes_reading read = boxes::read_boxes_file(file);
    for (const catalog::diagnostic& wrong : read.errors) {
        std::cerr << "error: " << catalog::to_text(wrong) << '\n';
    }
    return std::move(read.value);
}

whole_list all_boxes_of(const std::string& file) {
    auto read = boxes_of(file);
    if (!read) {
        return {std::nullopt, bad_configuration};
    }
    if (!read->discover) {
        return {std::move(read), succeeded};
    }
    const auto found = find_hosts(*read->discover);
    if (!found) {
        return {std::nullopt, fail(found.error().message)};
    }
    boxes::joined_boxes all = boxes::join_boxes(read->boxes, *read->discover, *found);
    for (const std::string& remark : all.remarks) {
        std::cerr << "warning: " << remark << '\n';
    }
    if (all.boxes.empty()) {
        return {std::nullopt, fail(names_no_box(*read->discover))};
    }
    read->boxes = std::move(all.boxes);
    return {std::move(read), succeeded};
}

void add_fleet_command(CLI::App& program, command_context& context) {
    CLI::App* fleet = program.add_subcommand("fleet", "Many boxes behind one address");
    fleet->require_subcommand(1);
    add_fleet_render(*fleet, context);
    add_fleet_status(*fleet, context);
    add_fleet_sync(*fleet, context);
    add_fleet_upgrade(*fleet, context);
}

}  // namespace corral::cli
