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

std::optional<double> share_in(std::string_view digits) {
    double percent = -1.0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), percent);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size();
    return whole && percent >= 0.0 && percent <= 100.0 ? std::optional(percent / 100.0) : std::nullopt;
}

// Of the whole start (docs/facts/other_runtimes.md#fastllm).
std::optional<double> fastllm_progress(std::string_view line) {
    constexpr std::string_view key = R"("percent":)";
    const std::size_t at = line.starts_with("FTLLM_PROGRESS {") ? line.find(key) : std::string_view::npos;
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view rest = line.substr(at + key.size());
    return share_in(rest.substr(0, rest.find_first_not_of("0123456789.")));
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
        if (const auto share = share_in(line.substr(begin, sign - begin))) {
            return share;
        }
    }
    return fastllm_progress(line);
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

namespace {

bool names_exception(std::string_view line) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    const std::string_view name = line.substr(0, line.find_first_not_of(letters));
    const std::string_view rest = line.substr(name.size());
    const bool known = name.ends_with("Error") || name.ends_with("Exception");
    return known && (rest.empty() || rest.starts_with(": "));
}

template <std::size_t Count>
bool holds_any(std::string_view text, const std::array<std::string_view, Count>& words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != text.npos; });
}

}  // namespace

int telling_weight(std::string_view line) {
    constexpr std::array<std::string_view, 12> words{
        "[e]",  // the level of Axera's programs
        "error", "fail",    "cannot",           "can't",   "no such file",           "not found",
        "fatal", "invalid", "terminate called", "what():", "temporarily unavailable"};
    line = core::trimmed(line);
    if (names_exception(line)) {
        return 2;
    }
    return holds_any(core::lower_case(line), words) ? 1 : 0;
}

bool names_refused_task(std::string_view line) {
    constexpr std::array<std::string_view, 3> plain{"cannot fork", "can't fork", "can't start new thread"};
    constexpr std::array<std::string_view, 4> whats{"fork", "clone", "thread", "what():"};
    constexpr std::array<std::string_view, 2> whys{"resource temporarily unavailable", "eagain"};
    const std::string lower = core::lower_case(line);
    return holds_any(lower, plain) || (holds_any(lower, whats) && holds_any(lower, whys));
}

void telling_line::hear(std::string_view line) {
    const int weight = telling_weight(line);
    if (weight > 0 && weight >= weight_) {
        weight_ = weight;
        line_ = core::trimmed(line);
    }
}

}  // namespace corral::supervisor
