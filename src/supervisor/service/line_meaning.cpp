#include "supervisor/service/line_meaning.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "corral/core/text.hpp"

namespace corral::supervisor {

namespace {

bool ends_like_a_bar(std::string_view rest) {
    const std::size_t next = rest.find_first_not_of(' ');
    return next == std::string_view::npos || rest[next] == '|' || rest[next] == '[' || rest[next] == '\r';
}

constexpr std::string_view left_out = "(not kept)";

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

// `json.decoder.JSONDecodeError: ...`: length of the type's name, or 0.
std::size_t python_error(std::string_view line) {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_word) - line.begin());
    const std::string_view name = line.substr(0, end);
    const bool known = name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Interrupt");
    return known && line.substr(end).starts_with(": ") ? end : 0;
}

// Of a traceback: `  File "x.py", line 3, in encode`.
bool is_frame(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(' ');
    return begin != std::string_view::npos && line.substr(begin).starts_with("File \"");
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

// An apostrophe within a word is not a quotation mark.
bool opens(std::string_view line, std::size_t at) {
    const char c = line[at];
    if (c == '"' || c == '`') {
        return true;
    }
    return c == '\'' && (at == 0 || std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0);
}

}  // namespace

std::optional<double> progress_in(std::string_view line) {
    for (std::size_t sign = line.find('%'); sign != std::string_view::npos; sign = line.find('%', sign + 1)) {
        std::size_t begin = sign;
        while (begin > 0 && (core::is_digit(line[begin - 1]) || line[begin - 1] == '.')) {
            --begin;
        }
        const bool own_word = begin == 0 || std::isalnum(static_cast<unsigned char>(line[begin - 1])) == 0;
        if (begin == sign || !own_word || !ends_like_a_bar(line.substr(sign + 1))) {
            continue;
        }
        double percent = -1.0;
        const char* const last = line.data() + sign;
        const auto parsed = std::from_chars(line.data() + begin, last, percent);
        if (parsed.ec == std::errc{} && parsed.ptr == last && percent >= 0.0 && percent <= 100.0) {
            return percent / 100.0;
        }
    }
    return std::nullopt;
}

const catalog::log_meaning* meaning_of(const std::vector<catalog::log_meaning>& known, std::string_view line,
                                       const std::function<bool(std::string_view words)>& quoted) {
    for (const catalog::log_meaning& entry : known) {
        const bool holds = !entry.pattern.empty() && line.find(entry.pattern) != std::string_view::npos;
        if (holds && !(quoted && quoted(entry.pattern))) {
            return &entry;
        }
    }
    return nullptr;
}

std::string without_quotations(std::string_view line) {
    if (is_frame(line) || names_a_type(line)) {
        return std::string(line);
    }
    std::string tail;
    if (const std::size_t name = python_error(line); name != 0) {
        const std::string_view says = line.substr(name + 2);
        if (!says.starts_with("[Errno ")) {
            return std::string(line.substr(0, name + 2)).append(left_out);
        }
    }
    if (const std::size_t read = line.find("last read: "); read != std::string_view::npos) {
        line = line.substr(0, read);
        tail = std::string("last read: ").append(left_out);
    }
    std::string out;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (!opens(line, at)) {
            out += line[at];
            continue;
        }
        // To the last mark of the kind: what is quoted may hold the mark itself.
        const std::size_t close = line.rfind(line[at]);
        const std::string_view quoted = line.substr(at + 1, close > at ? close - at - 1 : 0);
        const bool plain = close > at && is_request_line(quoted);
        out += plain ? line.substr(at, close - at + 1) : left_out;
        if (close == at) {
            break;  // cut off: all of the rest may be quoted
        }
        at = close;
    }
    return out + tail;
}

}  // namespace corral::supervisor
