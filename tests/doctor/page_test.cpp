// Holds docs/doctor.md against the list of checks: every check, every finding, its severity.

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "corral/doctor/doctor.hpp"

namespace corral::doctor {
namespace {

std::string page() {
    std::ifstream in(CORRAL_DOCTOR_PAGE);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string row_of(const finding_kind& kind) {
    return "| `" + std::string(kind.id) + "` | " + catalog::severity_name(kind.level) + " | " +
           std::string(kind.about) + " | " + std::string(kind.why.empty() ? "-" : kind.why) + " | " +
           std::string(kind.fix) + " |";
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
            EXPECT_NE(text.find(row_of(kind)), std::string::npos) << row_of(kind);
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
