#pragma once
// ASCII text, whatever the locale: case, white space, digits, lists. Nothing here throws (but for memory) or
// reads beyond its view; bytes above 0x7F are left alone.

#include <charconv>
#include <cstddef>
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

}  // namespace corral::core
