#include "corral/pull/rate_meter.hpp"

#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace corral::pull {

void rate_meter::tell(core::steady_time now, std::uint64_t completed) {
    constexpr core::seconds looked_back{8};
    constexpr std::size_t most = 256;
    // Bytes that turned out wrong were taken back.
    if (!seen_.empty() && completed < seen_.back().second) {
        seen_.clear();
    }
    seen_.emplace_back(now, completed);
    while (seen_.size() > 2 && (now - seen_.front().first > looked_back || seen_.size() > most)) {
        seen_.pop_front();
    }
}

std::optional<double> rate_meter::rate() const {
    constexpr core::milliseconds least{500};
    if (seen_.size() < 2) {
        return std::nullopt;
    }
    const auto span = seen_.back().first - seen_.front().first;
    if (span < least) {
        return std::nullopt;
    }
    return static_cast<double>(seen_.back().second - seen_.front().second) / core::as_seconds(span);
}

std::optional<core::seconds> rate_meter::left(std::uint64_t total) const {
    const auto now = rate();
    if (!now || *now < 1 || seen_.back().second > total) {
        return std::nullopt;
    }
    const double span = std::ceil(static_cast<double>(total - seen_.back().second) / *now);
    constexpr double longest = 100.0 * 24 * 3600;
    return span > longest ? std::nullopt
                          : std::optional(core::seconds(static_cast<core::seconds::rep>(span)));
}

std::string bytes_text(std::uint64_t bytes) {
    static constexpr std::array<std::string_view, 5> units{"bytes", "kB", "MB", "GB", "TB"};
    constexpr double step = 1000;
    constexpr double round_up = 999.5;
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= round_up && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    constexpr double few = 9.95;
    return unit == 0 || value >= few ? fmt::format("{:.0f} {}", value, units.at(unit))
                                     : fmt::format("{:.1f} {}", value, units.at(unit));
}

}  // namespace corral::pull
