#pragma once
// ASCII text, whatever the locale: case, white space, digits, lists. Nothing here throws (but for memory) or
// reads beyond its view; bytes above 0x7F are left alone.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace corral::core {

inline constexpr std::string_view white_space = " \t\r\n\v\f";

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

[[nodiscard]] constexpr char lower_case(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

[[nodiscard]] std::string lower_case(std::string_view text);

[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

// 0 to 15; -1 for any other character.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = lower_case(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Without the characters of `blanks` at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text, std::string_view blanks = white_space) noexcept;

[[nodiscard]] std::string_view trimmed_front(std::string_view text,
                                             std::string_view blanks = white_space) noexcept;
[[nodiscard]] std::string_view trimmed_back(std::string_view text,
                                            std::string_view blanks = white_space) noexcept;

// The parts between the separators, empty ones included; one part where there is no separator.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// "a, b, c"
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view between = ", ");

// A word as a shell takes it. Nothing may be taken out of the middle of it later, which could end its quotes.
[[nodiscard]] std::string shell_word(std::string_view word);

// The same for a command that a person is told to paste: nothing where it would be longer than `most`, or where a
// terminal would not show it as it is.
[[nodiscard]] std::optional<std::string> word_to_paste(std::string_view word, std::size_t most = 800);

// Where `what` stands outside of a shell's quotes, from `from` on, which is outside of them, too; else npos.
[[nodiscard]] std::size_t find_unquoted(std::string_view command, std::string_view what,
                                        std::size_t from = 0);

// All of `text` as a number: no sign for unsigned types, no blanks, nothing after it, in range.
template <typename Number>
[[nodiscard]] std::optional<Number> whole_number(std::string_view text, int base = 10) noexcept {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    return error == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

// Bytes as hexadecimal digits, two each.
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
