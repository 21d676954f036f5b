#pragma once
// corral fleet: the commands for many boxes. Each has a file of its own and adds itself to "fleet".

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/base/command.hpp"
#include "cli/base/remote_box.hpp"
#include "corral/boxes/boxes_file.hpp"

namespace corral::cli {

void add_fleet_render(CLI::App& fleet, command_context& context);
void add_fleet_status(CLI::App& fleet, command_context& context);

// The boxes of `file`. Where it has mistakes, all of them have been printed, and nothing comes back.
[[nodiscard]] std::optional<boxes::boxes_file> boxes_of(const std::string& file);

// The boxes of a list, asked by the API of the box.

// "HOST:PORT"
[[nodiscard]] std::string place_of(const boxes::box_entry& box);

// "http://HOST:PORT"
[[nodiscard]] std::string url_of(const boxes::box_entry& box);

// Each with its key file and its authorities, in the order of `all`; why a box can't be asked in its place. Blocks on
// the disk and on names, 16 at a time. `limit` is for each answer; `announced`: as in tags_call.
[[nodiscard]] std::vector<core::result<found_box>> find_boxes(const std::vector<boxes::box_entry>& all,
                                                              bool announced, core::seconds limit);

// What each says to "status", in the order of `all`. Blocks; all are asked at the same time, 64 at most.
[[nodiscard]] std::vector<core::result<control::admin_json>> ask_boxes(
    const std::vector<core::result<found_box>>& all);

}  // namespace corral::cli
