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

}  // namespace

int telling_weight(std::string_view line) {
    constexpr std::array<std::string_view, 11> words{
        "[e]",  // the level of Axera's programs
        "error", "fail",    "cannot",           "can't",  "no such file", "not found",
        "fatal", "invalid", "terminate called", "what():"};
    line = core::trimmed(line);
    if (names_exception(line)) {
        return 2;
    }
    const std::string lower = core::lower_case(line);
    const bool trouble = std::ranges::any_of(
        words, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
    return trouble ? 1 : 0;
}

void telling_line::hear(std::string_view line) {
    const int weight = telling_weight(line);
    if (weight > 0 && weight >= weight_) {
        weight_ = weight;
        line_ = core::trimmed(line);
    }
}

}  // namespace corral::supervisor
