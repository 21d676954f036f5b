#pragma once
// What the upstream and the clients of the stream table share: sockets of one epoll loop, and a piece's text.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace corral::benchmark {

// A piece is the moment of its birth: eighteen digits (CLOCK_MONOTONIC, ns) and a semicolon.
inline constexpr std::size_t stamp_digits = 18;

inline std::string stamp_text(std::int64_t ns) {
    std::string digits = std::to_string(ns);
    return std::string(stamp_digits - digits.size(), '0') + digits + ';';
}

inline long number_behind(std::string_view text, std::string_view name, long otherwise) {
    const auto at = text.find(name);
    if (at == std::string_view::npos) return otherwise;
    return std::strtol(std::string(text.substr(at + name.size(), 20)).c_str(), nullptr, 10);
}

}  // namespace corral::benchmark
