// corral fleet render: HAProxy's configuration for a list of boxes.

#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/fleet_command.hpp"
#include "cli/fleet_tags.hpp"
#include "corral/boxes/haproxy.hpp"
#include "corral/config/key_file.hpp"

namespace corral::cli {

namespace {

struct render_options {
    std::string file;
    bool ask = false;
};

std::string hex_of(const config::key_digest& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : digest) {
        out += digits[byte >> 4U];
        out += digits[byte & 0xFU];
    }
    return out;
}

// Keys that may ask models; nothing, and all is told, where the file has a mistake.
std::optional<std::vector<boxes::edge_key>> keys_of(const boxes::edge_settings& edge) {
    std::vector<boxes::edge_key> out;
    if (edge.keys.empty()) {
        return out;
    }
    const config::key_file_reading read = config::read_key_file(edge.keys);
    for (const std::string& text : read.warnings) {
        std::cerr << "warning: " << text << '\n';
    }
    for (const catalog::diagnostic& wrong : read.errors) {
        std::cerr << "error: " << (wrong.line == 0 ? wrong.message : catalog::to_text(wrong)) << '\n';
    }
    if (!read.value) {
        return std::nullopt;
    }
    for (const config::key_entry& key : read.value->all()) {
        if (key.scopes.inference) {
            out.push_back({key.name, hex_of(key.digest)});
        }
    }
    return out;
}

// The lists of boxes that have none; false, and told, where a box does not tell its own.
bool ask_models(boxes::boxes_file& of) {
    std::vector<std::size_t> without;
    std::vector<boxes::box_entry> asked;
    for (std::size_t i = 0; i < of.boxes.size(); ++i) {
        if (!of.boxes[i].models) {
            without.push_back(i);
            asked.push_back(of.boxes[i]);
        }
    }
    bool all = true;
    const auto told = tags_of(asked, of.edge.proxy_protocol);
    for (std::size_t i = 0; i < told.size(); ++i) {
        boxes::box_entry& box = of.boxes[without[i]];
        if (told[i]) {
            box.models = boxes::routed_names(*told[i]);
        } else {
            std::cerr << "error: box '" << box.name << "': " << told[i].error().message << '\n';
            all = false;
        }
    }
    return all;
}

int render(const render_options& asked) {
    whole_list list = all_boxes_of(asked.file);
    if (!list.value) {
        return list.status;
    }
    boxes::boxes_file& of = *list.value;
    const auto keys = keys_of(of.edge);
    if (!keys) {
        return bad_configuration;
    }
    if (asked.ask && !ask_models(of)) {
        return failed;
    }
    const auto text = boxes::render_haproxy(of, *keys);
    if (!text) {
        return fail(text.error().message);
    }
    std::cout << *text << std::flush;
    return std::cout ? succeeded
                     : fail("can't write all of it to standard output; see whether the disk is full");
}

}  // namespace

void add_fleet_render(CLI::App& fleet, command_context& context) {
    const auto asked = std::make_shared<render_options>();
    CLI::App* one = fleet.add_subcommand(
        "render", "Print HAProxy's configuration for a list of boxes: corral fleet render boxes.toml");
    one->add_option("file", asked->file, "The list of boxes (TOML)")->type_name("FILE")->required();
    one->add_flag("--ask", asked->ask, "Ask boxes without 'models' for what they serve");
    one->parse_complete_callback([asked, &context] { context.run = [asked] { return render(*asked); }; });
}

}  // namespace corral::cli
