// corral fleet render: HAProxy's configuration for a list of boxes.

#include "cli/fleet/fleet_render.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/fleet/fleet_command.hpp"
#include "cli/fleet/fleet_tags.hpp"
#include "corral/config/key_file.hpp"
#include "corral/core/hex.hpp"
#include "corral/core/say.hpp"

namespace corral::cli {

namespace {

struct render_options {
    bool ask = false;
    bool watch = false;
    unsigned interval = 2;  // seconds
    watch_options watched;
};

// Asks boxes without a list for theirs; false, with an error printed, where one does not give it.
bool ask_models(boxes::boxes_file& list) {
    std::vector<std::size_t> without;
    std::vector<boxes::box_entry> asked;
    for (std::size_t i = 0; i < list.boxes.size(); ++i) {
        if (!list.boxes[i].models) {
            without.push_back(i);
            asked.push_back(list.boxes[i]);
        }
    }
    bool all = true;
    const auto lists = tags_of(asked, {.announced = list.edge.proxy_protocol});
    for (std::size_t i = 0; i < lists.size(); ++i) {
        boxes::box_entry& box = list.boxes[without[i]];
        if (lists[i]) {
            box.models = boxes::routed_names(*lists[i]);
            if (box.models->size() > most_models_of_a_box) {
                box.models->resize(most_models_of_a_box);
                std::cerr << "warning: "
                          << core::say("fleet.not-reloaded/too-many", "'" + box.name + "'",
                                       most_models_of_a_box)
                          << '\n';
            }
        } else {
            std::cerr << "error: box '" << box.name << "': " << lists[i].error().message << '\n';
            all = false;
        }
    }
    return all;
}

int render(const render_options& asked) {
    auto of = boxes_of(asked.watched.list);
    if (!of) {
        return bad_configuration;
    }
    const auto keys = edge_keys_of(of->edge, [](const std::string& text) { std::cerr << text << '\n'; });
    if (!keys) {
        return bad_configuration;
    }
    if (asked.ask && !ask_models(*of)) {
        return failed;
    }
    const auto text = boxes::render_haproxy(*of, *keys);
    if (!text) {
        return fail(text.error().message);
    }
    std::cout << *text << std::flush;
    return std::cout ? succeeded : fail(core::say("fleet.not-written"));
}

}  // namespace

std::optional<std::vector<boxes::edge_key>> edge_keys_of(
    const boxes::edge_settings& edge, const std::function<void(const std::string& complaint)>& tell) {
    std::vector<boxes::edge_key> out;
    if (edge.keys.empty()) {
        return out;
    }
    const config::key_file_reading read = config::read_key_file(edge.keys);
    for (const std::string& text : read.warnings) {
        tell("warning: " + text);
    }
    for (const catalog::diagnostic& wrong : read.errors) {
        tell("error: " + (wrong.line == 0 ? wrong.message : catalog::to_text(wrong)));
    }
    if (!read.value) {
        return std::nullopt;
    }
    for (const config::key_entry& key : read.value->all()) {
        if (key.scopes.inference) {
            out.push_back({key.name, core::hex_text(key.digest.data(), key.digest.size())});
        }
    }
    return out;
}

void add_fleet_render(CLI::App& fleet, command_context& context) {
    constexpr unsigned most_seconds = 3'600;
    const auto asked = std::make_shared<render_options>();
    CLI::App* one = fleet.add_subcommand(
        "render", "Print HAProxy's configuration for a list of boxes: corral fleet render boxes.toml");
    one->add_option("file", asked->watched.list, "The list of boxes (TOML)")->type_name("FILE")->required();
    CLI::Option* ask = one->add_flag("--ask", asked->ask, "Ask boxes without 'models' for what they serve");
    CLI::Option* watch =
        one->add_flag("--watch", asked->watch,
                      "Keep a file as the list and its boxes are, until this is ended by a signal");
    watch->excludes(ask);
    CLI::Option* target =
        one->add_option("--write", asked->watched.target, "With --watch: the file, which 'haproxy -c' checks")
            ->type_name("FILE")
            ->needs(watch);
    watch->needs(target);
    one->add_option("--interval", asked->interval, "With --watch: seconds between two looks; else 2")
        ->check(CLI::Range(1U, most_seconds).description(""))
        ->type_name("SECONDS")
        ->needs(watch);
    CLI::Option* command =
        one->add_option("command", asked->watched.command,
                        "With --watch: what makes HAProxy read the file: -- systemctl reload haproxy")
            ->type_name("COMMAND")
            ->needs(watch);
    watch->needs(command);
    one->parse_complete_callback([asked, &context] {
        asked->watched.interval = core::seconds(asked->interval);
        context.run = [asked] { return asked->watch ? watch_fleet(asked->watched) : render(*asked); };
    });
}

}  // namespace corral::cli
