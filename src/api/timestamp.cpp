#include "api/timestamp.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace corral::api {

namespace {

std::string date_and_fraction(const std::tm& parts, long nanoseconds) {
    std::array<char, 80> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d", parts.tm_year + 1900,
                      parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    std::string out(text.data(), static_cast<std::size_t>(length));
    if (nanoseconds != 0) {
        const int digits = std::snprintf(text.data(), text.size(), ".%09ld", nanoseconds);
        out.append(text.data(), static_cast<std::size_t>(digits));
        out.erase(out.find_last_not_of('0') + 1);
    }
    return out;
}

struct split_time {
    std::time_t seconds;
    long nanoseconds;
};

split_time split(wall_time when) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(when - seconds);
    return {std::chrono::system_clock::to_time_t(seconds), static_cast<long>(rest.count())};
}

}  // namespace

std::string utc_stamp(wall_time when) {
    const split_time at = split(when);
    std::tm parts{};
    gmtime_r(&at.seconds, &parts);
    return date_and_fraction(parts, at.nanoseconds) + "Z";
}

std::string local_stamp(wall_time when) {
    const split_time at = split(when);
    std::tm parts{};
    localtime_r(&at.seconds, &parts);
    if (parts.tm_gmtoff == 0) {
        return date_and_fraction(parts, at.nanoseconds) + "Z";
    }
    const long minutes = (parts.tm_gmtoff < 0 ? -parts.tm_gmtoff : parts.tm_gmtoff) / 60;
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "%c%02ld:%02ld", parts.tm_gmtoff < 0 ? '-' : '+',
                  minutes / 60, minutes % 60);
    return date_and_fraction(parts, at.nanoseconds) + offset.data();
}

}  // namespace corral::api
