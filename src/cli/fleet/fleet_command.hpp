#pragma once
// corral fleet: the commands for many boxes. Each has a file of its own and adds itself to "fleet".

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "corral/boxes/boxes_file.hpp"
#include "corral/boxes/haproxy.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

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

// The keys of edge.keys that may ask models. `tell` gets each complaint; nothing where the file has a mistake.
[[nodiscard]] std::optional<std::vector<boxes::edge_key>> edge_keys_of(
    const boxes::edge_settings& edge, const std::function<void(const std::string& complaint)>& tell);

struct watch_options {
    std::string list;
    std::string target;                // file of the configuration
    std::vector<std::string> command;  // that makes HAProxy read it again
    core::seconds interval{2};
};

// Keeps the target as the list and its boxes are, until it is ended by a signal.
[[nodiscard]] int watch_fleet(const watch_options& asked);

// Boxes of a fleet, asked for their models as any client does.
inline constexpr std::size_t most_models_of_a_box = 1'024;  // each is a backend of the edge

struct tags_call {
    core::seconds limit{12};  // for the answer of a box
    bool announced = false;   // boxes want a PROXY header of the edge's machine, which may be this one
};

// The names in each box's answer to /api/tags, in the order of `boxes`; why there is none in its place. Blocks, for
// `limit` and 3 s for each address of a box's name at most; 64 are asked side by side.
[[nodiscard]] std::vector<core::result<std::vector<std::string>>> tags_of(
    const std::vector<boxes::box_entry>& boxes, const tags_call& call);

}  // namespace corral::cli
