#pragma once
// Bytes as hexadecimal digits, two each.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/text.hpp"

namespace corral::core {

inline constexpr std::string_view hex_digits = "0123456789abcdef";

inline void append_hex(std::string& out, std::uint8_t byte) {
    out += hex_digits[byte >> 4U];
    out += hex_digits[byte & 0xFU];
}

[[nodiscard]] inline std::string hex_text(const std::uint8_t* bytes, std::size_t count) {
    std::string out;
    out.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
        append_hex(out, bytes[i]);
    }
    return out;
}

// As many bytes as the array `Bytes` has, digits of either case; nothing for any other text.
template <typename Bytes>
[[nodiscard]] std::optional<Bytes> hex_bytes(std::string_view text) {
    Bytes out{};
    if (text.size() != 2 * out.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return out;
}

}  // namespace corral::core
