#include "doctor_text.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace corral::cli {

namespace {

using catalog::finding;
using catalog::severity;

struct look_of {
    severity level;
    colour paint;
    const char* one;
    const char* many;
};
constexpr std::array<look_of, 3> looks{{{severity::error, colour::red, "error", "errors"},
                                        {severity::warning, colour::yellow, "warning", "warnings"},
                                        {severity::note, colour::faint, "note", "notes"}}};

std::size_t count_of(const std::vector<finding>& found, severity level) {
    return static_cast<std::size_t>(std::count_if(
        found.begin(), found.end(), [level](const finding& one) { return one.level == level; }));
}

// "2 errors, 1 note"
std::string summary(const std::vector<finding>& found) {
    std::string out;
    for (const look_of& each : looks) {
        if (const std::size_t count = count_of(found, each.level); count != 0) {
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, count == 1 ? each.one : each.many);
        }
    }
    return out.empty() ? "nothing was found" : out;
}

std::string sentence(std::string text) {
    if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    }
    const bool ended = text.empty() || text.find_last_of(".!?") == text.size() - 1;
    return ended ? text : text + ".";
}

void add(std::string& page, const finding& one, const text_style& style) {
    const auto& look = *std::find_if(looks.begin(), looks.end(),
                                     [&one](const look_of& each) { return each.level == one.level; });
    page += fmt::format("  {}  {}  {}\n", painted(fmt::format("{:<7}", look.one), look.paint, style),
                        one.what, painted("[" + one.id + "]", colour::faint, style));
    if (one.level == severity::note) {
        return;
    }
    if (!one.why.empty()) {
        page += fmt::format("          Why: {}\n", sentence(one.why));
    }
    if (!one.fix.empty()) {
        page += fmt::format("          Do:  {}\n", one.fix);
    }
}

}  // namespace

int doctor_status(const std::vector<finding>& found) {
    if (count_of(found, severity::error) != 0) {
        return 2;
    }
    return count_of(found, severity::warning) != 0 ? 1 : 0;
}

std::string doctor_page(const std::vector<finding>& found, const text_style& style) {
    std::vector<std::string> subjects;
    for (const finding& one : found) {
        if (std::find(subjects.begin(), subjects.end(), one.subject) == subjects.end()) {
            subjects.push_back(one.subject);
        }
    }
    std::string page;
    for (const std::string& subject : subjects) {
        page += painted(subject.empty() ? "this box" : subject, colour::bold, style) + "\n";
        for (const finding& one : found) {
            if (one.subject == subject) {
                add(page, one, style);
            }
        }
        page += '\n';
    }
    return page + sentence(summary(found)) + "\n";
}

nlohmann::ordered_json doctor_json(const std::vector<finding>& found) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const finding& one : found) {
        out.push_back({{"id", one.id},
                       {"severity", catalog::severity_name(one.level)},
                       {"subject", one.subject},
                       {"what", one.what},
                       {"why", one.why},
                       {"fix", one.fix}});
    }
    return out;
}

}  // namespace corral::cli
