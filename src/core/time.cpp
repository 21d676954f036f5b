#include "corral/core/time.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <string_view>

#include <fmt/format.h>

namespace corral::core {

std::string utc_text(wall_time when, const char* form) {
    const std::time_t whole = std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    std::array<char, 64> out{};
    return {out.data(), std::strftime(out.data(), out.size(), form, &parts)};
}

std::string utc_milliseconds(wall_time when) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(when);
    const auto rest = since - std::chrono::floor<std::chrono::seconds>(since);
    return fmt::format("{}.{:03}Z", utc_text(when, "%Y-%m-%dT%H:%M:%S"), rest.count());
}

std::optional<wall_time> stamp_of(const std::string& text) {
    int zone_hours = 0;
    int zone_minutes = 0;
    std::tm at{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &at);
    if (rest == nullptr) {
        return std::nullopt;
    }
    const std::string_view zone = std::string_view(rest).substr(
        std::min(std::string_view(rest).find_first_of("Z+-"), std::string_view(rest).size()));
    if (zone.size() == 6) {
        const char* const begin = zone.data();
        std::from_chars(begin + 1, begin + 3, zone_hours);
        std::from_chars(begin + 4, begin + 6, zone_minutes);
    }
    constexpr int minutes_an_hour = 60;
    const int ahead = (zone_hours * minutes_an_hour + zone_minutes) * (zone.starts_with('-') ? -1 : 1);
    return std::chrono::system_clock::from_time_t(::timegm(&at)) - std::chrono::minutes(ahead);
}

}  // namespace corral::core
