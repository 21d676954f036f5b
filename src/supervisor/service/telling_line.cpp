#include "supervisor/service/telling_line.hpp"

#include <algorithm>
#include <array>

#include "corral/core/text.hpp"

namespace corral::supervisor {

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
