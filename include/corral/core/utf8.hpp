#pragma once
// UTF-8 that may be broken anywhere. Overlong forms, surrogates and values above U+10FFFF are invalid.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace corral::core {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

enum class utf8_kind { whole, cut_short, invalid };

struct utf8_step {
    utf8_kind kind = utf8_kind::invalid;
    std::size_t length = 1;   // bytes taken, at least one
    std::uint32_t point = 0;  // of a whole character
};

// The beginning of `text`. cut_short: all of it could be the beginning of a character. REQUIRES: !text.empty().
[[nodiscard]] utf8_step next_utf8(std::string_view text) noexcept;

// Bytes of the well-formed character at the beginning of `text`; 0 where there is none.
// REQUIRES: !text.empty().
[[nodiscard]] std::size_t character_length(std::string_view text) noexcept;

// A byte of a character that is not its first.
[[nodiscard]] constexpr bool continues_character(char byte) noexcept {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// Of well-formed text.
[[nodiscard]] std::size_t characters_of(std::string_view text) noexcept;

// The beginning of `text`, at most so many bytes, cut between characters.
[[nodiscard]] std::string_view cut_between_characters(std::string_view text, std::size_t most) noexcept;

// REQUIRES: `point` is no surrogate, and at most U+10FFFF.
void append_utf8(std::string& out, std::uint32_t point);

// Whether a terminal or a log shows `point` as it is: no control character, no line or paragraph separator, nothing
// that hides text or turns its direction around.
[[nodiscard]] constexpr bool is_printable(std::uint32_t point) noexcept {
    const auto within = [point](std::uint32_t first, std::uint32_t last) {
        return point >= first && point <= last;
    };
    return point >= 0x20 && !within(0x7F, 0x9F) && point != 0xAD && point != 0x61C && point != 0x180E &&
           !within(0x200B, 0x200F) && !within(0x2028, 0x202E) && !within(0x2060, 0x206F) && point != 0xFEFF &&
           !within(0xFFF9, 0xFFFB) && !within(0xE0000, 0xE007F);
}

}  // namespace corral::core
