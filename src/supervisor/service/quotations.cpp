#include "supervisor/service/quotations.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "corral/core/text.hpp"
#include "supervisor/service/line_meaning.hpp"

namespace corral::supervisor {

namespace {

constexpr std::string_view left_out = "(not kept)";
constexpr char words_of_exception = '\n';  // in place of a mark: none ends them

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

bool is_letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

// `json.decoder.JSONDecodeError: ...`: length of the type's name, or 0.
std::size_t python_error(std::string_view line) {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_word) - line.begin());
    const std::string_view name = line.substr(0, end);
    const bool known = name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Interrupt");
    return known && line.substr(end).starts_with(": ") ? end : 0;
}

std::string_view without_indent(std::string_view line) {
    return line.substr(std::min(line.size(), line.find_first_not_of(' ')));
}

// Of a traceback: `  File "x.py", line 3, in encode`.
bool is_frame(std::string_view line) {
    return without_indent(line).starts_with("File \"");
}

// `  what():  ...`, as C++ ends; the message may go on in the next line.
bool is_what(std::string_view line) {
    return without_indent(line).starts_with("what(): ");
}

// `terminate called after throwing an instance of 'nlohmann::...'`: a type, no data.
bool names_a_type(std::string_view line) {
    return line.find("after throwing an instance of '") != std::string_view::npos;
}

// `POST /encode HTTP/1.1`, as a Python server logs it; with a query it could say anything.
bool is_request_line(std::string_view quoted) {
    constexpr std::string_view version = " HTTP/1.";
    const std::size_t path = quoted.find(" /");
    const std::size_t end = quoted.rfind(version);
    if (path == std::string_view::npos || end == std::string_view::npos || end < path) {
        return false;
    }
    const auto is_path = [](char c) { return is_word(c) || c == '/' || c == '-'; };
    const std::string_view route = quoted.substr(path + 1, end - path - 1);
    const std::string_view method = quoted.substr(0, path);
    return (method == "GET" || method == "POST" || method == "OPTIONS" || method == "HEAD") &&
           std::all_of(route.begin(), route.end(), is_path) && quoted.size() == end + version.size() + 1;
}

// An apostrophe within a word is not a quotation mark, nor is one that is escaped.
bool is_mark(std::string_view line, std::size_t at) {
    const bool behind_letter = at > 0 && is_letter(line[at - 1]);
    const bool before_letter = at + 1 < line.size() && is_letter(line[at + 1]);
    return !(line[at] == '\'' && behind_letter && before_letter) && !(at > 0 && line[at - 1] == '\\');
}

bool opens(std::string_view line, std::size_t at) {
    const char c = line[at];
    return c == '"' || c == '`' || (c == '\'' && (at == 0 || !is_letter(line[at - 1])));
}

struct marks {
    std::size_t count = 0;
    std::size_t last = 0;
    bool last_may_close = false;  // no word begins with it
};

marks marks_in(std::string_view line, char kind, std::size_t from) {
    marks out;
    for (std::size_t at = line.find(kind, from); at != std::string_view::npos; at = line.find(kind, at + 1)) {
        if (at == from || is_mark(line, at)) {
            ++out.count;
            out.last = at;
        }
    }
    out.last_may_close = out.count > 0 && (out.last + 1 == line.size() || !is_letter(line[out.last + 1]));
    return out;
}

struct reading {
    std::string kept;
    char open = '\0';
};

reading read(std::string_view line) {
    reading out;
    if (is_frame(line) || names_a_type(line)) {
        out.kept = line;
        return out;
    }
    if (const std::size_t name = python_error(line); name != 0) {
        const std::string_view says = line.substr(name + 2);
        if (!says.starts_with("[Errno ")) {
            out.kept = std::string(line.substr(0, name + 2)).append(left_out);
            out.open = words_of_exception;
            return out;
        }
    }
    out.open = is_what(line) ? words_of_exception : '\0';
    constexpr std::string_view last_read = "last read: ";
    std::string tail;
    if (const std::size_t at = line.find(last_read); at != std::string_view::npos) {
        out.open = std::max(out.open, read(line.substr(at + last_read.size())).open);
        tail = std::string(last_read).append(left_out);
        line = line.substr(0, at);
    }
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (!opens(line, at)) {
            out.kept += line[at];
            continue;
        }
        // To the last mark of the kind: what is quoted may hold the mark itself. Of an odd number, or before a word, the
        // last is one of those.
        const marks found = marks_in(line, line[at], at);
        if (found.count % 2 != 0 || !found.last_may_close) {
            out.kept += left_out;
            out.open = out.open == words_of_exception ? out.open : line[at];
            break;
        }
        const bool plain = is_request_line(line.substr(at + 1, found.last - at - 1));
        out.kept += plain ? line.substr(at, found.last - at + 1) : left_out;
        at = found.last;
    }
    out.kept += tail;
    return out;
}

bool closes(std::string_view line, char mark) {
    const marks found = marks_in(line, mark, 0);
    return found.count % 2 != 0 && found.last_may_close;
}

// `[I][run]`, `INFO:`, `[ERROR]`.
bool begins_with_level(std::string_view line) {
    constexpr std::array<std::string_view, 16> levels{
        "T",    "D",    "I",       "W",     "E",     "F",        "TRACE", "DEBUG",
        "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL", "ERR",   "NOTICE"};
    const bool bracket = line.starts_with('[');
    line.remove_prefix(bracket ? 1 : 0);
    const auto end = static_cast<std::size_t>(
        std::find_if_not(line.begin(), line.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) -
        line.begin());
    const std::string_view word = line.substr(0, end);
    return std::find(levels.begin(), levels.end(), word) != levels.end() && (bracket || word.size() > 1) &&
           line.substr(end).starts_with(bracket ? ']' : ':');
}

// `0` stands for a digit.
bool is_shaped(std::string_view line, std::string_view shape) {
    return line.size() >= shape.size() &&
           std::equal(shape.begin(), shape.end(), line.begin(),
                      [](char want, char c) { return want == '0' ? core::is_digit(c) : want == c; });
}

// `2026-11-20 14:00`, `[2026-11-20T14:00`, `14:00:00`.
bool begins_with_time(std::string_view line) {
    line.remove_prefix(line.starts_with('[') ? 1 : 0);
    return is_shaped(line, "0000-00-00 00:00") || is_shaped(line, "0000-00-00T00:00") ||
           is_shaped(line, "00:00:00");
}

// `127.0.0.1 - - [20/Nov/2026 14:00:00] "POST ...`, as Python's servers log.
bool is_access(std::string_view line) {
    const auto end =
        std::find_if_not(line.begin(), line.end(), [](char c) { return core::is_digit(c) || c == '.'; });
    return end != line.begin() &&
           std::string_view(line).substr(static_cast<std::size_t>(end - line.begin())).starts_with(" - - [");
}

}  // namespace

quotations::quotations(settings with) : with_(std::move(with)) {}

bool quotations::is_of_program(std::string_view line) const {
    constexpr std::array<std::string_view, 3> tracebacks{
        "Traceback (most recent call last):", "During handling of the above exception",
        "The above exception was"};
    return is_frame(line) || is_what(line) || names_a_type(line) || begins_with_level(line) ||
           begins_with_time(line) || is_access(line) ||
           std::any_of(tracebacks.begin(), tracebacks.end(),
                       [&](auto each) { return line.starts_with(each); }) ||
           (with_.known != nullptr && meaning_of(*with_.known, line, with_.quoted) != nullptr);
}

std::optional<std::string> quotations::next(std::string_view line) {
    const std::size_t words = with_.words_in ? with_.words_in(line) : std::string_view::npos;
    const bool has_words = words != std::string_view::npos;
    hidden_ += line.size() + 1;
    if (open_ != '\0' && hidden_ <= most_hidden && (has_words || !is_of_program(line))) {
        if (open_ != words_of_exception && closes(line, open_)) {
            open_ = '\0';  // the next line is not within; who knows of the rest of this one
        }
        return std::nullopt;
    }
    hidden_ = 0;
    // These may go on in the next line, as those of an exception.
    reading now = read(line.substr(0, words));
    open_ = has_words ? words_of_exception : now.open;
    if (has_words && !now.kept.ends_with(left_out)) {
        now.kept += left_out;
    }
    return std::move(now.kept);
}

}  // namespace corral::supervisor
