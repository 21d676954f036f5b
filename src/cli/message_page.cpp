#include "cli/message_page.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "corral/catalog/message.hpp"
#include "corral/doctor/doctor.hpp"

namespace corral::cli {

namespace {

struct message_group {
    const char* title;
    std::span<const catalog::message> messages;
};

std::array<message_group, 4> message_groups() {
    return {{{"What clients are told", catalog::request_messages()},
             {"Why a model waits, or does not fit", catalog::model_messages()},
             {"Reasons of services and cards", catalog::service_messages()},
             {"The command line and the configuration", catalog::command_messages()}}};
}

std::vector<doctor::finding_kind> doctor_findings() {
    std::vector<doctor::finding_kind> out;
    for (const doctor::check* const one : doctor::checks()) {
        out.insert(out.end(), one->gives.begin(), one->gives.end());
    }
    return out;
}

std::string table_cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? std::string("\\|") : std::string(1, c);
    }
    return out;
}

// Of a page beside this one.
std::string page_link(const std::string& name) {
    return "[" + name + ".md](" + name + ".md)";
}

std::string explained(std::string_view id, std::string_view says, std::string_view means,
                      std::string_view why, std::string_view fix) {
    std::string out = fmt::format("{}\n", id);
    for (const auto& [title, text] : {std::pair<const char*, std::string_view>{"It says: ", says},
                                      {"It means: ", means},
                                      {"Why it matters: ", why},
                                      {"What to do: ", fix}}) {
        if (!text.empty()) {
            out += fmt::format("{}{}\n", title, text);
        }
    }
    return out;
}

}  // namespace

std::string explanation(const std::string& asked) {
    if (const auto found = catalog::find_message(asked)) {
        return explained(found->id, found->text, found->means, "", found->fix);
    }
    for (const doctor::finding_kind& one : doctor_findings()) {
        if (one.id == asked) {
            return explained(one.id, "", one.about, one.why, one.fix);
        }
    }
    const auto findings = catalog::package_findings();
    const auto found = std::ranges::find(findings, asked, &catalog::package_finding::id);
    return found == findings.end()
               ? std::string()
               : explained(found->id, "", found->means, "",
                           "corral import and corral doctor name the file, and the command that mends it");
}

std::string message_listing() {
    std::string out;
    for (const message_group& group : message_groups()) {
        out += fmt::format("{}{}:\n", out.empty() ? "" : "\n", group.title);
        for (const catalog::message& one : group.messages) {
            out += fmt::format("  {:<28} {}\n", one.id, one.text);
        }
    }
    out += "\nFindings of corral doctor:\n";
    for (const doctor::finding_kind& one : doctor_findings()) {
        out += fmt::format("  {:<28} {}\n", one.id, one.about);
    }
    out += "\nFindings in a package:\n";
    for (const catalog::package_finding& one : catalog::package_findings()) {
        out += fmt::format("  {:<28} {}\n", one.id, one.means);
    }
    return out;
}

std::string messages_page() {
    std::string out =
        "# Messages\n\nWhat clients and operators are told, by its id. `corral explain ID` says the same on "
        "the box,\n"
        "and `corral explain \"the sentence\"` finds the id. A \"…\" stands for what differs. This page is "
        "made by `corral\n"
        "explain --page`, and a test holds each sentence to the source.\n";
    for (const message_group& group : message_groups()) {
        out += fmt::format("\n## {}\n\n| id | it says | it means | what to do |\n|---|---|---|---|\n",
                           group.title);
        for (const catalog::message& one : group.messages) {
            out += fmt::format("| `{}` | {} | {} | {} |\n", one.id, table_cell(one.text),
                               table_cell(one.means), table_cell(one.fix));
        }
    }
    out += std::string("\n## Findings of corral doctor\n\nWhy each matters and what to do: ") +
           page_link("doctor") +
           ".\n\n"
           "| id | severity | what it is |\n|---|---|---|\n";
    for (const doctor::finding_kind& one : doctor_findings()) {
        out += fmt::format("| `{}` | {} | {} |\n", one.id, catalog::severity_name(one.level),
                           table_cell(one.about));
    }
    out += std::string("\n## Findings in a package\n\n") + page_link("package_findings") +
           " has them in groups.\n\n"
           "| id | severity | what it means |\n|---|---|---|\n";
    for (const catalog::package_finding& one : catalog::package_findings()) {
        out += fmt::format("| `{}` | {} | {} |\n", one.id, catalog::severity_name(one.level),
                           table_cell(one.means));
    }
    return out;
}

}  // namespace corral::cli
