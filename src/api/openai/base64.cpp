#include "api/openai/base64.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace corral::api::openai {

namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

bool is_base64(std::string_view text) {
    std::size_t count = 0;
    std::size_t padding = 0;
    for (const char c : text) {
        if (c == '\r' || c == '\n') {
            continue;
        }
        if (c == '=') {
            ++padding;
        } else if (digits.find(c) == std::string_view::npos || padding > 0) {
            return false;
        } else {
            ++count;
        }
    }
    return padding <= 2 && (count + padding) % 4 == 0 && (padding == 0 || count > 0);
}

std::string to_base64(std::string_view bytes) {
    constexpr std::size_t group = 3;
    std::string out;
    out.reserve((bytes.size() + group - 1) / group * 4);
    for (std::size_t at = 0; at < bytes.size(); at += group) {
        const std::size_t present = std::min(group, bytes.size() - at);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < group; ++i) {
            bits = bits << 8U | (i < present ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= present ? digits[bits >> (18 - 6 * i) & 0x3F] : '=';
        }
    }
    return out;
}

}  // namespace corral::api::openai
