#include "cli/trouble/message_page.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "cli/base/help_text.hpp"
#include "corral/catalog/message.hpp"
#include "corral/core/text.hpp"
#include "corral/doctor/doctor.hpp"

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

std::string explained(std::string_view id, std::string_view says, std::string_view means,
                      std::string_view why, std::string_view fix) {
    std::string out = fmt::format("{}\n", id);
    const std::vector<std::string_view> wordings = catalog::wordings_of(says);
    out += wordings.empty() ? "" : wordings.size() == 1 ? "It says: " : "It says one of these:\n";
    for (const std::string_view wording : wordings) {
        out += fmt::format("{}{}\n", wordings.size() == 1 ? "" : "- ", core::shown_wording(wording));
    }
    for (const auto& [title, text] : {std::pair<const char*, std::string_view>{"It means: ", means},
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

std::string messages_about(const std::vector<std::string>& words, unsigned columns) {
    constexpr std::size_t most = 12;
    std::string out;
    std::size_t lines = 0;
    const auto look = [&](std::string_view id, std::string_view text, std::string_view means) {
        const std::string all = core::lower_case(fmt::format("{} {} {}", id, text, means));
        const bool held = std::ranges::all_of(words, [&](const std::string& word) {
            return all.find(core::lower_case(word)) != std::string::npos;
        });
        if (held && lines < most) {
            out += line_of(id, text.empty() ? means : catalog::wordings_of(text).front());
            ++lines;
        }
    };
    for (const catalog::message& one : catalog::all_messages()) {
        look(one.id, one.text, one.means);
    }
    for (const doctor::finding_kind& one : doctor_findings()) {
        look(one.id, one.about, one.why);
    }
    for (const catalog::package_finding& one : catalog::package_findings()) {
        look(one.id, "", one.means);
    }
    return wrapped_help(out, columns);
}

std::string message_listing(unsigned columns) {
    std::string out;
    const auto add = [&out](std::string_view id, std::string_view text) { out += line_of(id, text); };
    for (const core::message_group& group : core::message_groups) {
        out += fmt::format("{}{}:\n", out.empty() ? "" : "\n", group.title);
        for (const catalog::message& one : group.messages) {
            add(one.id, core::shown_wording(catalog::wordings_of(one.text).front()));
        }
    }
    out += "\nFindings of corral doctor:\n";
    for (const doctor::finding_kind& one : doctor_findings()) {
        add(one.id, one.about);
    }
    out += "\nFindings in a package:\n";
    for (const catalog::package_finding& one : catalog::package_findings()) {
        add(one.id, one.means);
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
    out += std::string("\n## Findings in a package\n\n") + page_link("troubleshooting") +
           " has them in groups.\n\n";
    for (const catalog::package_finding& one : catalog::package_findings()) {
        out += fmt::format("- `{}` ({}): {}\n", one.id, catalog::severity_name(one.level),
                           plain_markdown(one.means));
    }
    return wrapped_help(out, page_columns);
}

}  // namespace corral::cli
