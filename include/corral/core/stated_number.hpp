#pragma once
// Numbers that another program states in JSON: counts and spans. What is less than nothing, or no number, is not
// stated; what exceeds any real figure becomes the most there is, so that sums of a few keep within their types.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

#include "corral/core/time.hpp"

namespace corral::core {

inline constexpr std::uint32_t most_stated = 1'000'000'000;  // four of them fit into 32 bits
inline constexpr nanoseconds longest_stated = std::chrono::hours(24);

// Of `value` times `unit`, cut off towards zero; nothing for a text, a truth value, NaN or a negative number.
[[nodiscard]] std::optional<std::int64_t> stated_number(const nlohmann::json& value, std::int64_t most,
                                                        double unit = 1);

// Of the member `key` of an object.
[[nodiscard]] std::optional<std::uint32_t> stated_count(const nlohmann::json& object, const char* key);
[[nodiscard]] std::optional<nanoseconds> stated_span(const nlohmann::json& object, const char* key,
                                                     nanoseconds unit);

// Neither sum ever exceeds what is stated at most.
[[nodiscard]] constexpr std::uint32_t sum_of(std::uint32_t one, std::uint32_t other) noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{one} + other, most_stated));
}
[[nodiscard]] constexpr nanoseconds sum_of(nanoseconds one, nanoseconds other) noexcept {
    return std::min(
        std::clamp(one, nanoseconds{0}, longest_stated) + std::clamp(other, nanoseconds{0}, longest_stated),
        longest_stated);
}

// `span` times `part` / `whole`, without the overflow of a product; nothing of it where `whole` is 0.
[[nodiscard]] constexpr nanoseconds share_of(nanoseconds span, double part, double whole) noexcept {
    const double out = whole > 0 ? static_cast<double>(span.count()) / whole * part : 0;
    constexpr auto most = static_cast<double>(longest_stated.count());
    return nanoseconds(static_cast<std::int64_t>(std::clamp(out, 0.0, most)));
}

}  // namespace corral::core
