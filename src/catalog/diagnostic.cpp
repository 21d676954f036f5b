#include "corral/catalog/diagnostic.hpp"

#include <algorithm>
#include <numeric>

#include "corral/core/text.hpp"

namespace corral::catalog {

namespace {

// Levenshtein distance, case ignored.
std::size_t distance(const std::string& left, const std::string& right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t change =
                core::lower_case(left[i - 1]) == core::lower_case(right[j - 1]) ? 0 : 1;
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + change});
            diagonal = above;
        }
    }
    return row[right.size()];
}

}  // namespace

std::string to_text(const diagnostic& what) {
    std::string out = what.file;
    if (what.line != 0) {
        out += ':' + std::to_string(what.line) + ':' + std::to_string(what.column);
    }
    return out + ": " + what.message;
}

std::string nearest(const std::string& typed, const std::vector<std::string>& candidates) {
    // A word of which more than a third is wrong was meant to be something else.
    constexpr std::size_t longest_compared = 64;
    if (typed.size() > longest_compared) {
        return {};
    }
    std::size_t best = std::max<std::size_t>(2, typed.size() / 3) + 1;
    std::string found;
    for (const auto& candidate : candidates) {
        const std::size_t far = distance(typed, candidate);
        if (far < best && far < candidate.size()) {
            best = far;
            found = candidate;
        }
    }
    return found;
}

std::string meant_instead(const std::string& typed, const std::vector<std::string>& candidates) {
    const auto meant = nearest(typed, candidates);
    if (!meant.empty()) {
        return "; did you mean '" + meant + "'?";
    }
    std::string listed;
    for (const auto& one : candidates) {
        listed += (listed.empty() ? "; there are " : ", ") + one;
    }
    return listed;
}

const char* severity_name(severity level) noexcept {
    switch (level) {
        case severity::note:
            return "note";
        case severity::warning:
            return "warning";
        case severity::error:
            break;
    }
    return "error";
}

finding finding_of(severity level, const core::reason& what, std::string subject,
                   std::optional<std::string> why, std::optional<std::string> fix) {
    const core::message& of = *what.entry();
    return {std::string(of.id),
            level,
            std::move(subject),
            what.text(),
            std::move(why).value_or(std::string(of.means)),
            std::move(fix).value_or(std::string(of.fix))};
}

std::string to_line(const finding& what) {
    std::string out = what.subject.empty() ? what.what : what.subject + ": " + what.what;
    return what.fix.empty() ? out : out + " " + what.fix;
}

}  // namespace corral::catalog
