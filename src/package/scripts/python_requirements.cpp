#include "package/scripts/python_requirements.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "corral/core/text.hpp"

namespace corral::package {

namespace {

constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_version = 50;
constexpr std::size_t most_specifiers = 8;
constexpr std::size_t most_names = 1000;
constexpr std::string_view spaces = " \t";

bool is_letter_or_digit(char c) {
    return core::is_letter(c) || core::is_digit(c);
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name && is_letter_or_digit(text.front()) &&
           is_letter_or_digit(text.back()) && std::ranges::all_of(text, [](char c) {
               return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
           });
}

// "4.51.3", "4.*", "2.1.0+cpu"; the star only where everything that begins so is meant, or is not.
bool is_version(std::string_view text, bool may_end_in_star) {
    if (may_end_in_star && text.ends_with(".*")) {
        text.remove_suffix(2);
    }
    return !text.empty() && text.size() <= longest_version && core::is_digit(text.front()) &&
           is_letter_or_digit(text.back()) && std::ranges::all_of(text, [](char c) {
               return is_letter_or_digit(c) || c == '.' || c == '+' || c == '!' || c == '-' || c == '_';
           });
}

// "~= 4.51" as "~=4.51"; empty: it is none. '===' compares texts of any kind, and is none of ours.
std::string specifier_of(std::string_view text) {
    constexpr std::array<std::string_view, 7> operators{"~=", "==", "!=", "<=", ">=", "<", ">"};
    text = core::trimmed(text);
    const auto* const found =
        std::ranges::find_if(operators, [&](std::string_view one) { return text.starts_with(one); });
    if (found == operators.end()) {
        return {};
    }
    const std::string_view version = core::trimmed(text.substr(found->size()));
    return is_version(version, *found == "==" || *found == "!=") ? std::string(*found) + std::string(version)
                                                                 : std::string();
}

// Empty: not all of them are specifiers.
std::string specifiers_of(std::string_view text) {
    const auto parts = core::split(text, ',');
    if (parts.size() > most_specifiers) {
        return {};
    }
    std::string out;
    for (const auto& part : parts) {
        const std::string one = specifier_of(part);
        if (one.empty()) {
            return {};
        }
        out += (out.empty() ? "" : ",") + one;
    }
    return out;
}

// A comment begins a line or stands behind a space.
std::string_view without_comment(std::string_view line) {
    for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
        if (at == 0 || spaces.find(line[at - 1]) != std::string_view::npos) {
            return line.substr(0, at);
        }
    }
    return line;
}

}  // namespace

std::string canonical_name(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool mark = c == '-' || c == '_' || c == '.';
        if (mark && !out.empty() && out.back() == '-') {
            continue;
        }
        out += mark ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

std::map<std::string, std::string> required_versions(std::string_view text) {
    std::map<std::string, std::string> out;
    if (text.size() > requirements_bytes) {
        return out;
    }
    std::set<std::string> doubtful;
    bool continued = false;  // this line belongs to the one before it, which was not taken
    while (!text.empty() && out.size() + doubtful.size() < most_names) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const bool goes_on = line.ends_with('\\');
        const bool part = continued || goes_on;
        continued = goes_on;
        line = core::trimmed(without_comment(line));
        const std::size_t name_end = std::min(line.find_first_of("~=!<> \t"), line.size());
        const std::string_view name = line.substr(0, name_end);
        const std::string wanted = specifiers_of(line.substr(name_end));
        if (part || !is_name(name) || wanted.empty()) {
            continue;
        }
        const auto [at, first] = out.emplace(canonical_name(name), wanted);
        if (!first && at->second != wanted) {
            doubtful.insert(at->first);
        }
    }
    std::erase_if(out, [&](const auto& one) { return doubtful.contains(one.first); });
    return out;
}

}  // namespace corral::package
