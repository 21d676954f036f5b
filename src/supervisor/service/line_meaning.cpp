#include "supervisor/service/line_meaning.hpp"

#include <cctype>
#include <charconv>

#include "corral/core/text.hpp"

namespace corral::supervisor {

namespace {

bool ends_like_a_bar(std::string_view rest) {
    const std::size_t next = rest.find_first_not_of(' ');
    return next == std::string_view::npos || rest[next] == '|' || rest[next] == '[' || rest[next] == '\r';
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

}  // namespace corral::supervisor
