// corral explain: what a message means, by its id or by its own words.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/help_text.hpp"
#include "cli/base/terminal.hpp"
#include "cli/trouble/message_page.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/message.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

struct explain_options {
    std::vector<std::string> words;
    bool page = false;
    bool json = false;
};

// `exact`: whether it is what was asked for, and not what comes near.
void print_json(const std::vector<message_entry>& entries, bool exact) {
    nlohmann::ordered_json out = {{"exact", exact}, {"messages", nlohmann::ordered_json::array()}};
    for (const message_entry& one : entries) {
        out["messages"].push_back(
            {{"id", one.id}, {"text", one.says}, {"means", one.means}, {"why", one.why}, {"fix", one.fix}});
    }
    std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

int not_known(const std::string& sentence) {
    std::vector<std::string> ids;
    for (const catalog::message& one : catalog::all_messages()) {
        ids.emplace_back(one.id);
    }
    const std::string meant = catalog::nearest(sentence, ids);
    const std::string shown = telemetry::printable(sentence, 200);
    return fail(meant.empty() ? core::say("command.explain/none", shown)
                              : core::say("command.explain/meant", shown, meant));
}

int explain(const explain_options& asked, const command_context& context) {
    if (asked.page) {
        std::cout << messages_page();
        return succeeded;
    }
    const unsigned columns = style_of(STDOUT_FILENO, context.environment).columns;
    if (asked.words.empty()) {
        if (asked.json) {
            print_json(all_entries(), true);
        } else {
            std::cout << message_listing(columns);
        }
        return succeeded;
    }
    const std::string sentence = fmt::format("{}", fmt::join(asked.words, " "));
    if (const auto found = find_entry(sentence)) {
        if (asked.json) {
            print_json({*found}, true);
        } else {
            std::cout << wrapped_help(explanation(*found), columns);
        }
        return succeeded;
    }
    const std::vector<message_entry> near = entries_near(sentence);
    if (near.empty()) {
        return not_known(sentence);
    }
    if (asked.json) {
        print_json(near, false);
        return succeeded;
    }
    std::cout << "No exact match. Closest ('corral explain ID' explains one):\n"
              << entry_lines(near, columns);
    return succeeded;
}

}  // namespace

void add_explain_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<explain_options>();
    CLI::App* one = program.add_subcommand(
        "explain", "Say what a message or a finding means, and what to do; without words, list all");
    one->add_option("message", asked->words, "Its id, or the sentence itself")->type_name("ID");
    one->add_flag("--json", asked->json, "As one JSON object");
    one->add_flag("--page", asked->page, "All of them as a page")->group("");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return explain(*asked, context); }; });
}

}  // namespace corral::cli
