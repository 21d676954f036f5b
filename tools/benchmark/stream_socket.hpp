#pragma once
// What the upstream and the clients of the stream table share: sockets of one epoll loop, and a piece's text.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http_call.hpp"

namespace corral::benchmark {

// A piece is the moment of its birth: eighteen digits (CLOCK_MONOTONIC, ns) and a semicolon.
inline constexpr std::size_t stamp_digits = 18;

inline std::string stamp_text(std::int64_t ns) {
    std::string digits = std::to_string(ns);
    return std::string(stamp_digits - digits.size(), '0') + digits + ';';
}

// Of a whole request or answer head: the value behind `name: `; empty: it has none.
inline std::string_view field_of(std::string_view head, std::string_view name) {
    const auto at = head.find(name);
    if (at == std::string_view::npos) return {};
    const auto value = head.substr(at + name.size());
    return value.substr(0, value.find("\r\n"));
}

inline long number_behind(std::string_view text, std::string_view name, long otherwise) {
    const auto at = text.find(name);
    if (at == std::string_view::npos) return otherwise;
    return std::strtol(std::string(text.substr(at + name.size(), 20)).c_str(), nullptr, 10);
}

}  // namespace corral::benchmark
