#include "chat/go_template/quoting.hpp"

#include <charconv>

namespace corral::chat::go_template {

namespace {

constexpr bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::optional<char> simple_escape(char c) {
    constexpr std::string_view names = "abfnrtv\\'\"";
    constexpr std::string_view meant = "\a\b\f\n\r\t\v\\'\"";
    const auto at = names.find(c);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    return meant[at];
}

// The code point of `digits`; \x and octal numbers are bytes in Go, of which only ASCII is taken.
std::optional<char32_t> numbered(std::string_view digits, int base, char32_t most) {
    unsigned long number = 0;
    const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    const bool surrogate = number >= 0xD800 && number <= 0xDFFF;
    if (done.ptr != digits.data() + digits.size() || number > most || surrogate) {
        return std::nullopt;
    }
    return static_cast<char32_t>(number);
}

}  // namespace

void append_utf8(std::string& to, char32_t character) {
    const auto put = [&](char32_t byte) { to += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xC0U | (character >> 6U));
        put(0x80U | (character & 0x3FU));
    } else if (character < 0x10000) {
        put(0xE0U | (character >> 12U));
        put(0x80U | ((character >> 6U) & 0x3FU));
        put(0x80U | (character & 0x3FU));
    } else {
        put(0xF0U | (character >> 18U));
        put(0x80U | ((character >> 12U) & 0x3FU));
        put(0x80U | ((character >> 6U) & 0x3FU));
        put(0x80U | (character & 0x3FU));
    }
}

char32_t first_character(std::string_view text, std::size_t& bytes) {
    const auto lead = static_cast<unsigned char>(text.front());
    bytes = 1;
    while (bytes < text.size() && continues(text[bytes])) {
        ++bytes;
    }
    char32_t out = lead < 0x80   ? lead
                   : lead < 0xE0 ? lead & 0x1FU
                   : lead < 0xF0 ? lead & 0x0FU
                                 : lead & 0x07U;
    for (std::size_t at = 1; at < bytes; ++at) {
        out = (out << 6U) | (static_cast<unsigned char>(text[at]) & 0x3FU);
    }
    return out;
}

std::optional<std::string> unquoted(std::string_view inside) {
    std::string out;
    while (!inside.empty()) {
        const char c = inside.front();
        inside.remove_prefix(1);
        if (c != '\\') {
            out += c;
            continue;
        }
        if (inside.empty()) {
            return std::nullopt;
        }
        const char name = inside.front();
        if (const auto simple = simple_escape(name)) {
            out += *simple;
            inside.remove_prefix(1);
            continue;
        }
        const bool octal = name >= '0' && name <= '7';
        const std::size_t digits = octal ? 3 : name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
        const std::size_t skipped = octal ? 0 : 1;
        if (digits == 0 || inside.size() < skipped + digits) {
            return std::nullopt;
        }
        const bool byte = octal || name == 'x';
        const auto character =
            numbered(inside.substr(skipped, digits), octal ? 8 : 16, byte ? 0x7F : 0x10FFFF);
        if (!character) {
            return std::nullopt;
        }
        append_utf8(out, *character);
        inside.remove_prefix(skipped + digits);
    }
    return out;
}

}  // namespace corral::chat::go_template
