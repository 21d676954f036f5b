#include "package/scripts/python_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "corral/core/text.hpp"

namespace corral::package {

namespace {

constexpr std::size_t most_lines = 100'000;
constexpr std::size_t most_names = 200;
constexpr std::size_t longest_name = 100;
constexpr std::string_view blanks = " \t\r\f\n";

bool is_name_letter(char letter) {
    return letter == '_' || core::is_letter(letter) || core::is_digit(letter);
}

std::string_view trimmed(std::string_view text) {
    return core::trimmed(text, blanks);
}

// Cuts a script into statements.
class cutter {
public:
    explicit cutter(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::vector<python_line> run() {
        while (!rest_.empty() && lines_.size() < most_lines) {
            step();
        }
        end_line();
        return std::move(lines_);
    }

private:
    void step() {
        const char letter = rest_.front();
        if (letter == '#') {
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
        } else if (letter == '"' || letter == '\'') {
            take_string(letter);
        } else if (letter == '\\' && (rest_.starts_with("\\\n") || rest_.starts_with("\\\r\n"))) {
            line_.bare += ' ';
            line_.whole += '\n';  // no string goes over it
            rest_.remove_prefix(rest_.find('\n') + 1);
        } else if (letter == '\n' || (letter == ';' && depth_ == 0)) {
            rest_.remove_prefix(1);
            if (depth_ > 0) {
                line_.bare += ' ';
                line_.whole += '\n';  // no string goes over it
            } else {
                end_line(letter == ';');
            }
        } else {
            take_letter(letter);
        }
    }
    void take_letter(char letter) {
        rest_.remove_prefix(1);
        if (letter == '(' || letter == '[' || letter == '{') {
            ++depth_;
        } else if ((letter == ')' || letter == ']' || letter == '}') && depth_ > 0) {
            --depth_;
        }
        if (line_.bare.empty() && (letter == ' ' || letter == '\t')) {
            line_.indent += after_semicolon_ ? 0U : 1U;
        } else {
            put(letter);
        }
    }
    // A quote that is not closed ends with its line, a tripled one with the text.
    void take_string(char quote) {
        const std::string three(3, quote);
        const bool tripled = rest_.starts_with(three);
        const std::size_t mark = tripled ? 3 : 1;
        std::size_t at = mark;
        while (at < rest_.size()) {
            if (rest_[at] == '\\') {
                at += 2;
                continue;
            }
            const bool ends =
                tripled ? rest_.substr(at, mark) == three : rest_[at] == quote || rest_[at] == '\n';
            if (ends) {
                break;
            }
            ++at;
        }
        const bool closed = at < rest_.size() && rest_[at] == quote;
        const std::size_t end = std::min(closed ? at + mark : at, rest_.size());
        line_.bare.append(2, quote);
        line_.whole.append(rest_.substr(0, end));
        rest_.remove_prefix(end);
    }
    void put(char letter) {
        line_.bare += letter;
        line_.whole += letter;
    }
    void end_line(bool same_indent = false) {
        const std::size_t indent = line_.indent;
        line_.bare = trimmed(line_.bare);
        line_.whole = trimmed(line_.whole);
        if (!line_.bare.empty()) {
            lines_.push_back(std::move(line_));
        }
        line_ = {};
        line_.indent = same_indent ? indent : 0;
        after_semicolon_ = same_indent;
    }

    std::string_view rest_;
    std::vector<python_line> lines_;
    python_line line_;
    unsigned depth_ = 0;
    bool after_semicolon_ = false;
};

// The name at the start of `text`, which is shortened by it; empty: there is none.
std::string take_name(std::string_view& text) {
    text = trimmed(text);
    const auto end = std::ranges::find_if_not(text, is_name_letter);
    const auto length = static_cast<std::size_t>(end - text.begin());
    std::string name(text.substr(0, length));
    text.remove_prefix(length);
    const bool good = !name.empty() && name.size() <= longest_name && (name[0] < '0' || name[0] > '9');
    return good ? name : std::string();
}

void take_imports(std::string_view line, std::vector<std::string>& into) {
    constexpr std::string_view import = "import ";
    constexpr std::string_view from = "from ";
    if (line.starts_with(from)) {
        line.remove_prefix(from.size());
        into.push_back(take_name(line));
        return;
    }
    if (!line.starts_with(import)) {
        return;
    }
    line.remove_prefix(import.size());
    while (!line.empty() && into.size() < most_names) {
        into.push_back(take_name(line));
        line.remove_prefix(std::min(
            line.find(',') == std::string_view::npos ? line.size() : line.find(',') + 1, line.size()));
    }
}

// A plain text in quotes at the start of `text`; nothing for f"..." and the like.
std::optional<std::string> literal_at(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with('r') || text.starts_with('R')) {
        text.remove_prefix(1);
    }
    if (text.empty() || (text.front() != '"' && text.front() != '\'')) {
        return std::nullopt;
    }
    const auto end = text.find(text.front(), 1);
    if (end == std::string_view::npos || end == 1) {
        return std::nullopt;
    }
    const std::string_view inside = text.substr(1, end - 1);
    // Joined with something else: not the whole name.
    const std::string_view behind = trimmed(text.substr(end + 1));
    const bool alone = behind.empty() || behind.front() == ',' || behind.front() == ')';
    return alone && inside.find_first_of("\\\n") == std::string_view::npos
               ? std::optional(std::string(inside))
               : std::nullopt;
}

// The text that `name` is assigned, when it is the same everywhere.
std::optional<std::string> assigned_to(const std::string& name, const std::vector<python_line>& lines) {
    std::optional<std::string> found;
    for (const auto& line : lines) {
        std::string_view rest = line.whole;
        if (!rest.starts_with(name)) {
            continue;
        }
        rest = trimmed(rest.substr(name.size()));
        if (!rest.starts_with('=') || rest.starts_with("==")) {
            continue;
        }
        const auto value = literal_at(rest.substr(1));
        if (!value || (found && *found != *value)) {
            return std::nullopt;
        }
        found = value;
    }
    return found;
}

}  // namespace

std::vector<python_line> python_lines(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    return cutter(text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text).run();
}

std::vector<std::string> imported_modules(const std::vector<python_line>& lines) {
    std::vector<std::string> out;
    for (const auto& line : lines) {
        if (line.indent == 0 && out.size() < most_names) {
            take_imports(line.bare, out);
        }
    }
    std::erase_if(out, [](const std::string& name) { return name.empty() || name == "__future__"; });
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::vector<std::string> pretrained_names(const std::vector<python_line>& lines) {
    constexpr std::string_view call = "from_pretrained(";
    constexpr std::string_view keyword = "pretrained_model_name_or_path";
    std::vector<std::string> out;
    for (const auto& line : lines) {
        for (auto at = line.whole.find(call); at != std::string::npos && out.size() < most_names;
             at = line.whole.find(call, at + 1)) {
            std::string_view argument = trimmed(std::string_view(line.whole).substr(at + call.size()));
            if (argument.starts_with(keyword)) {
                argument = trimmed(argument.substr(keyword.size()));
                argument.remove_prefix(argument.starts_with('=') ? 1 : 0);
            }
            auto value = literal_at(argument);
            if (!value) {
                const auto end = std::ranges::find_if_not(
                    argument, [](char letter) { return is_name_letter(letter) || letter == '.'; });
                const std::string name(argument.begin(), end);
                value = name.empty() || name.size() > longest_name ? std::nullopt : assigned_to(name, lines);
            }
            if (value) {
                out.push_back(std::move(*value));
            }
        }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

namespace {

constexpr std::size_t longest_version = 50;
constexpr std::size_t most_specifiers = 8;
constexpr std::size_t most_packages = 1000;
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
    while (!text.empty() && out.size() + doubtful.size() < most_packages) {
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
