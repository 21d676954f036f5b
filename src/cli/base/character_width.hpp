#pragma once
// How many columns of a terminal a character takes. The C library knows that only in a locale of UTF-8, which a serial
// console often lacks.

#include <array>
#include <cstdint>
#include <utility>

namespace corral::cli {

[[nodiscard]] constexpr unsigned character_width(std::uint32_t point) noexcept {
    using range = std::pair<std::uint32_t, std::uint32_t>;
    // Marks that stand on the character before them, joiners and variation selectors.
    constexpr std::array none{range{0x300, 0x36F},   range{0x200B, 0x200F}, range{0x20D0, 0x20FF},
                              range{0xFE00, 0xFE0F}, range{0xFE20, 0xFE2F}, range{0x1F3FB, 0x1F3FF}};
    // Hangul, kana, ideographs, full-width forms and pictures.
    constexpr std::array two{range{0x1100, 0x115F},   range{0x2E80, 0x303E},   range{0x3041, 0xA4CF},
                             range{0xAC00, 0xD7A3},   range{0xF900, 0xFAFF},   range{0xFE30, 0xFE6F},
                             range{0xFF00, 0xFF60},   range{0xFFE0, 0xFFE6},   range{0x1F300, 0x1F64F},
                             range{0x1F680, 0x1F6FF}, range{0x1F900, 0x1F9FF}, range{0x20000, 0x3FFFD}};
    for (const auto& [first, last] : none) {
        if (point >= first && point <= last) {
            return 0;
        }
    }
    for (const auto& [first, last] : two) {
        if (point >= first && point <= last) {
            return 2;
        }
    }
    return 1;
}

}  // namespace corral::cli
