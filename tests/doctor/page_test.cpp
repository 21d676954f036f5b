// Holds docs/troubleshooting.md against the list of checks: every check, every finding, its severity.

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "corral/doctor/doctor.hpp"

namespace corral::doctor {
namespace {

// Its part about the checks.
std::string page() {
    std::ifstream in(CORRAL_DOCTOR_PAGE);
    std::stringstream text;
    text << in.rdbuf();
    const std::string whole = text.str();
    const auto begin = whole.find("\n## Checks\n");
    return begin == std::string::npos ? "" : whole.substr(begin, whole.find("\n## ", begin + 1) - begin);
}

// A row of the page, and further ones where the text is longer than a line of a page.
std::string rows_of(const std::string& id, const std::string& head, std::string_view text) {
    constexpr std::size_t width = 120;
    const auto row = [](const std::string& first, const std::string& second) {
        return "|" + (first.empty() ? "" : " " + first) + " |" + (second.empty() ? "" : " " + second) + " | ";
    };
    const std::size_t room = width - row(id, head).size() - std::string_view(" |").size();
    std::string out = row(id, head);
    std::size_t used = 0;
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
        if (used > 0 && used + 1 + word.size() > room) {
            out += " |\n" + row("", "");
            used = 0;
        }
        out += (used > 0 ? " " : "") + word;
        used += (used > 0 ? 1 : 0) + word.size();
    }
    return out + " |\n";
}

std::string rows_of(const finding_kind& kind) {
    return rows_of("`" + std::string(kind.id) + "`", catalog::severity_name(kind.level), kind.about) +
           (kind.why.empty() ? "" : rows_of("", "why", kind.why)) +
           (kind.fix.empty() ? "" : rows_of("", "do", kind.fix));
}

TEST(doctor_page, names_every_check_and_every_finding) {
    const std::string text = page();
    ASSERT_FALSE(text.empty());
    for (const check* one : checks()) {
        const std::string start = one->before_start == start_part::none ? "" : " Also before each start.";
        std::string about(one->about);
        about.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(about.front())));
        const std::string heading = "### " + std::string(one->id) + "\n\n" + about + "." + start;
        EXPECT_NE(text.find(heading), std::string::npos) << heading;
        for (const finding_kind& kind : one->gives) {
            EXPECT_NE(text.find(rows_of(kind)), std::string::npos) << rows_of(kind);
        }
    }
}

TEST(doctor_page, names_nothing_that_is_not_there) {
    std::set<std::string> known;
    for (const check* one : checks()) {
        for (const finding_kind& kind : one->gives) {
            EXPECT_TRUE(known.insert(std::string(kind.id)).second) << kind.id << " is given by two checks";
        }
    }
    std::istringstream lines(page());
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("| `") && line.find('.') < line.find("` |")) {
            const std::string id = line.substr(3, line.find("` |") - 3);
            EXPECT_TRUE(known.contains(id)) << id << " stands in the page and is given by no check";
        }
    }
}

}  // namespace
}  // namespace corral::doctor
