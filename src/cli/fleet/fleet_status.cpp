// corral fleet status: all boxes of a list in one table.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/fleet/fleet_calls.hpp"
#include "cli/fleet/fleet_command.hpp"
#include "cli/fleet/fleet_rows.hpp"

namespace corral::cli {

namespace {

struct status_options {
    std::string file;
    unsigned limit = 5;  // seconds
    bool json = false;
};

int show_fleet(const status_options& asked, const std::map<std::string, std::string>& environment) {
    auto read = boxes_of(asked.file);
    if (!read) {
        return bad_configuration;
    }
    // Those behind one name can't be told apart here.
    std::erase_if(read->boxes, [](const boxes::box_entry& box) { return box.count > 0; });
    const auto replies =
        ask_boxes(find_boxes(read->boxes, read->edge.proxy_protocol, core::seconds(asked.limit)));
    std::vector<fleet_row> rows;
    for (std::size_t i = 0; i < read->boxes.size(); ++i) {
        rows.push_back(fleet_row_of(read->boxes[i].name, url_of(read->boxes[i]), replies[i]));
    }
    if (asked.json) {
        std::cout << fleet_json(rows).dump(2, ' ', false, control::admin_json::error_handler_t::replace)
                  << '\n';
    } else {
        std::cout << fleet_text(rows, style_of(STDOUT_FILENO, environment));
    }
    return is_well(rows) ? succeeded : failed;
}

}  // namespace

void add_fleet_status(CLI::App& fleet, command_context& context) {
    auto asked = std::make_shared<status_options>();
    CLI::App* one = fleet.add_subcommand(
        "status",
        "Say how all boxes fare; status 1 where one is away or something was found, 2 for a bad list");
    one->add_option("file", asked->file, "The list of boxes, such as boxes.toml")
        ->required()
        ->type_name("FILE");
    one->add_option("--limit", asked->limit, "Seconds for the answer of a box; else 5")
        ->check(CLI::Range(1U, 600U).description(""))
        ->type_name("SECONDS");
    one->add_flag("--json", asked->json, "Print it as JSON");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return show_fleet(*asked, context.environment); };
    });
}

}  // namespace corral::cli
