#pragma once
// corral fleet: the commands for many boxes. Each has a file of its own and adds itself to "fleet".

#include <optional>
#include <string>

#include "cli/base/command.hpp"
#include "corral/boxes/boxes_file.hpp"

namespace corral::cli {

void add_fleet_render(CLI::App& fleet, command_context& context);
void add_fleet_status(CLI::App& fleet, command_context& context);

// The boxes of `file`. Where it has mistakes, all of them have been printed, and nothing comes back.
[[nodiscard]] std::optional<boxes::boxes_file> boxes_of(const std::string& file);

}  // namespace corral::cli
