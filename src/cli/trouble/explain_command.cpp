// corral explain: what a message means, by its id or by its own words.

#include "cli/trouble/explain_command.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/help_text.hpp"
#include "cli/base/terminal.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/message.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/doctor/doctor.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

std::vector<doctor::finding_kind> doctor_findings() {
    std::vector<doctor::finding_kind> out;
    for (const doctor::check* const one : doctor::checks()) {
        out.insert(out.end(), one->gives.begin(), one->gives.end());
    }
    return out;
}

constexpr unsigned page_columns = 118;

// A sentence may hold what Markdown would take for itself.
std::string plain_markdown(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += std::string_view("<>[]*|`").find(c) != std::string_view::npos ? "\\" : "";
        out += c;
    }
    return out;
}

std::string page_entry(const catalog::message& one) {
    std::string out = fmt::format("\n### `{}`\n\n", one.id);
    for (const std::string_view wording : catalog::wordings_of(one.text)) {
        out += fmt::format("- {}\n", plain_markdown(core::shown_wording(wording)));
    }
    out += "\n" + plain_markdown(one.means);
    out +=
        one.fix.empty() ? std::string("\n") : fmt::format(" **What to do:** {}\n", plain_markdown(one.fix));
    return out;
}

// Of a page beside this one.
std::string page_link(const std::string& name) {
    return "[" + name + ".md](" + name + ".md)";
}

std::string line_of(std::string_view id, std::string_view text) {
    return fmt::format("  {:<24}{}{}\n", id, id.size() < 24 ? "" : " ", text);
}

message_entry entry_of(const catalog::message& one) {
    message_entry out{std::string(one.id), {}, std::string(one.means), {}, std::string(one.fix)};
    for (const std::string_view wording : catalog::wordings_of(one.text)) {
        out.says.push_back(core::shown_wording(wording));
    }
    return out;
}

message_entry entry_of(const doctor::finding_kind& one) {
    return {std::string(one.id), {}, std::string(one.about), std::string(one.why), std::string(one.fix)};
}

// Those that tell one sentence from another, in small letters and without what stands around a word.
std::vector<std::string> long_words_of(const std::string& sentence) {
    constexpr std::size_t shortest = 4;
    constexpr std::string_view around = ".,;:!?()'\"`";
    std::istringstream in(core::lower_case(sentence));
    std::vector<std::string> out;
    for (std::string word; in >> word;) {
        const std::size_t begin = std::min(word.find_first_not_of(around), word.size());
        word = word.substr(begin, word.find_last_not_of(around) + 1 - begin);
        if (word.size() >= shortest) {
            out.push_back(word);
        }
    }
    return out;
}

bool holds_all(const std::string& text, const std::vector<std::string>& words) {
    const std::string all = core::lower_case(text);
    return std::ranges::all_of(words,
                               [&](const std::string& word) { return all.find(word) != std::string::npos; });
}

std::string text_of(const message_entry& one) {
    return fmt::format("{} {} {} {}", one.id, fmt::join(one.says, " "), one.means, one.why);
}

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

std::vector<message_entry> all_entries() {
    std::vector<message_entry> out;
    const auto add = [&out](const auto& one) { out.push_back(entry_of(one)); };
    std::ranges::for_each(catalog::all_messages(), add);
    std::ranges::for_each(doctor_findings(), add);
    return out;
}

std::optional<message_entry> find_entry(const std::string& asked) {
    if (const auto found = catalog::find_message(asked)) {
        return entry_of(*found);
    }
    const auto all = all_entries();
    auto found = std::ranges::find(all, asked, &message_entry::id);
    const auto says = [&asked](const message_entry& one) {
        return one.means == asked || one.why == asked || one.fix == asked;
    };
    if (found == all.end() && std::ranges::count_if(all, says) == 1) {
        found = std::ranges::find_if(all, says);
    }
    return found == all.end() ? std::nullopt : std::optional(*found);
}

std::vector<message_entry> entries_near(const std::string& sentence) {
    constexpr std::size_t most = 12;
    const std::vector<std::string> words = long_words_of(sentence);
    std::vector<message_entry> out = words.empty() ? std::vector<message_entry>() : all_entries();
    std::erase_if(out, [&](const message_entry& one) { return !holds_all(text_of(one), words); });
    const auto by_words = [&](const std::string& wording) { return holds_all(wording, words); };
    for (message_entry& one : out) {
        std::stable_partition(one.says.begin(), one.says.end(), by_words);
    }
    std::stable_partition(out.begin(), out.end(), [&](const message_entry& one) {
        return !one.says.empty() && by_words(one.says.front());
    });
    out.resize(std::min(out.size(), most));
    return out;
}

std::string explanation(const message_entry& entry) {
    std::string out = entry.id + "\n";
    out += entry.says.empty() ? "" : entry.says.size() == 1 ? "It says: " : "It says one of these:\n";
    for (const std::string& wording : entry.says) {
        out += fmt::format("{}{}\n", entry.says.size() == 1 ? "" : "- ", wording);
    }
    for (const auto& [title, text] : {std::pair<const char*, std::string_view>{"It means: ", entry.means},
                                      {"Why it matters: ", entry.why},
                                      {"What to do: ", entry.fix}}) {
        if (!text.empty()) {
            out += fmt::format("{}{}\n", title, text);
        }
    }
    return out;
}

std::string entry_lines(const std::vector<message_entry>& entries, unsigned columns) {
    std::string out;
    for (const message_entry& one : entries) {
        out += line_of(one.id, one.says.empty() ? one.means : one.says.front());
    }
    return wrapped_help(out, columns);
}

std::string message_listing(unsigned columns) {
    std::string out;
    const auto add = [&out](std::string_view id, std::string_view text) { out += line_of(id, text); };
    for (const core::message_group& group : core::message_groups) {
        out += fmt::format("{}{}:\n", out.empty() ? "" : "\n", group.title);
        for (const catalog::message& one : group.messages) {
            const auto wordings = catalog::wordings_of(one.text);
            add(one.id, wordings.empty() ? one.means : core::shown_wording(wordings.front()));
        }
    }
    out += "\nFindings of corral doctor:\n";
    for (const doctor::finding_kind& one : doctor_findings()) {
        add(one.id, one.about);
    }
    return wrapped_help(out, columns);
}

std::string messages_page() {
    std::string out =
        "# Messages\n\nMessages to clients and operators, by id: `corral explain ID` says the "
        "same on the box, and `corral explain \"the sentence\"` finds the id. `corral status --json` "
        "and `/readyz` have it in `ids`, and a warning of the log ends in `id=...`. A \"…\" stands "
        "for what differs. This page is made by `corral explain --page`.\n";
    for (const core::message_group& group : core::message_groups) {
        out += fmt::format("\n## {}\n", group.title);
        for (const catalog::message& one : group.messages) {
            out += page_entry(one);
        }
    }
    out += std::string("\n## Findings of corral doctor\n\nWhy each matters and what to do: ") +
           page_link("troubleshooting") + ".\n\n";
    for (const doctor::finding_kind& one : doctor_findings()) {
        out += fmt::format("- `{}` ({}): {}\n", one.id, catalog::severity_name(one.level),
                           plain_markdown(one.about));
    }
    return wrapped_help(out, page_columns);
}

void add_explain_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<explain_options>();
    CLI::App* one = program.add_subcommand(
        "explain", "Explain a message or finding and what to do about it; without one, list all");
    one->add_option("message", asked->words, "Its ID, or the text itself")->type_name("ID");
    one->add_flag("--json", asked->json, "Print JSON");
    one->add_flag("--page", asked->page, "Print all as a page")->group("");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return explain(*asked, context); }; });
}

}  // namespace corral::cli
