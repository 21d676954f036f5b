// corral fleet upgrade: drains the boxes of a list, a few at a time, runs the operator's command for each, and goes on once
// it serves again.

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/fleet_calls.hpp"
#include "cli/fleet_command.hpp"
#include "cli/fleet_upgrade_run.hpp"

namespace corral::cli {

namespace {

using control::admin_json;

constexpr unsigned most_seconds = 86'400;

struct upgrade_options {
    std::string file;
    std::vector<std::string> only;
    std::vector<std::string> command;
    unsigned max_unavailable = 1;
    unsigned drain_limit = 600;  // these in seconds
    unsigned quiet = 3;
    unsigned ready_limit = 900;
    unsigned command_limit = 1800;
    bool json = false;
};

// "one: failed: the command failed: exit status 1; it is left drained: ..."
std::string sentence_of(const boxes::box_entry& box, const boxes::upgraded_box& told) {
    std::string out = box.name + ": " + boxes::to_string(told.step);
    if (!told.version.empty()) {
        out += ", version " + told.version;
    }
    if (!told.why.empty()) {
        out += ": " + told.why;
    }
    if (told.left_drained) {
        out += "; it is left drained: give it requests again by 'corral undrain --url " + url_of(box) +
               "' once it is good";
    }
    return out;
}

void tell_end(const std::vector<boxes::box_entry>& boxes, const upgrade_end& end) {
    const auto done = std::ranges::count(end.boxes, boxes::upgrade_step::done, &boxes::upgraded_box::step);
    std::cout << fmt::format("{} of {} {} upgraded\n", done, boxes.size(),
                             boxes.size() == 1 ? "box is" : "boxes are");
    if (!end.succeeded) {
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            std::cout << "  " << sentence_of(boxes[i], end.boxes[i]) << '\n';
        }
    }
}

admin_json end_json(const std::vector<boxes::box_entry>& boxes, const upgrade_end& end) {
    admin_json all = admin_json::array();
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const boxes::upgraded_box& told = end.boxes[i];
        all.push_back({{"name", boxes[i].name},
                       {"step", boxes::to_string(told.step)},
                       {"changed", told.changed},
                       {"left_drained", told.left_drained},
                       {"version", told.version},
                       {"why", told.why}});
    }
    return {{"ok", end.succeeded}, {"boxes", std::move(all)}};
}

// Empty: each of `only` is a box; those are left then.
std::string choose(std::vector<boxes::box_entry>& all, const std::vector<std::string>& only) {
    for (const std::string& name : only) {
        if (std::ranges::find(all, name, &boxes::box_entry::name) == all.end()) {
            return "the list has no box '" + name + "'";
        }
    }
    if (!only.empty()) {
        std::erase_if(all, [&](const boxes::box_entry& one) {
            return std::ranges::find(only, one.name) == only.end();
        });
    }
    return {};
}

int upgrade_fleet(const upgrade_options& asked) {
    whole_list list = all_boxes_of(asked.file);
    if (!list.value) {
        return list.status;
    }
    boxes::boxes_file& read = *list.value;
    if (const std::string wrong = choose(read.boxes, asked.only); !wrong.empty()) {
        return fail(wrong, wrong_words);
    }
    constexpr core::seconds answer_limit{10};
    upgrade_job job;
    for (const auto& one : find_boxes(read.boxes, read.edge.proxy_protocol, answer_limit)) {
        if (!one) {
            return fail(read.boxes[job.found.size()].name + ": " + one.error().message +
                        "; nothing was begun");
        }
        job.found.push_back(*one);
    }
    job.boxes = read.boxes;
    job.command = asked.command;
    job.command_limit = core::seconds(asked.command_limit);
    job.rules.max_unavailable = asked.max_unavailable;
    job.rules.drain_limit = core::seconds(asked.drain_limit);
    job.rules.quiet = core::seconds(asked.quiet);
    job.rules.ready_limit = core::seconds(asked.ready_limit);
    job.tell = [](const std::string& line) { std::cerr << line << std::endl; };
    const upgrade_end end = run_upgrade(std::move(job));
    if (asked.json) {
        std::cout << end_json(read.boxes, end).dump(2, ' ', false, admin_json::error_handler_t::replace)
                  << '\n';
    } else {
        tell_end(read.boxes, end);
    }
    return end.succeeded ? succeeded : failed;
}

}  // namespace

void add_fleet_upgrade(CLI::App& fleet, command_context& context) {
    auto asked = std::make_shared<upgrade_options>();
    CLI::App* one = fleet.add_subcommand(
        "upgrade",
        "Drain the boxes in turn, run a command for each, and go on when it serves; stop at a failure");
    const auto seconds = [&](const char* name, unsigned& into, const std::string& about, unsigned least) {
        one->add_option(name, into, about + "; else " + std::to_string(into))
            ->check(CLI::Range(least, most_seconds))
            ->type_name("SECONDS");
    };
    one->add_option("file", asked->file, "The list of boxes, such as boxes.toml")
        ->required()
        ->type_name("FILE");
    one->add_option(
           "command", asked->command,
           "Behind '--': the program and its words, run here for each box; {box}, {host} and {port} in them "
           "are those of the box")
        ->required()
        ->type_name("COMMAND...");
    one->add_option("--max-unavailable", asked->max_unavailable, "Boxes at the same time; else 1")
        ->check(CLI::Range(1U, 1000U))
        ->type_name("N");
    one->add_option("--box", asked->only, "This box only; may be said again")->type_name("NAME")->take_all();
    seconds("--drain-limit", asked->drain_limit, "For requests that run when a box is drained", 1);
    seconds("--quiet", asked->quiet, "Without a request, before the command is run", 0);
    seconds("--command-limit", asked->command_limit, "For the command", 1);
    seconds("--ready-limit", asked->ready_limit, "From its end until the box serves again", 1);
    one->add_flag("--json", asked->json,
                  "Print the end as JSON; what happens meanwhile goes to standard error");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked] { return upgrade_fleet(*asked); }; });
}

}  // namespace corral::cli
