#include "corral/core/wall_time.hpp"

#include <array>
#include <ctime>

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

}  // namespace corral::core
